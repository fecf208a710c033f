metadata description = 'Lets the app\'s identity send through one Azure Communication Services; no smaller role is built in.'

@description('The app\'s identity.')
param principalId string

@description('Name of the resource in this resource group.')
param name string

var roles = loadJsonContent('roles.json')

resource communication 'Microsoft.Communication/communicationServices@2023-04-01' existing = {
  name: name
}

resource sender 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(communication.id, principalId, roles.communicationOwner)
  scope: communication
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.communicationOwner)
  }
}
