metadata description = 'Lets the app\'s identity read the metrics of one App Service plan.'

@description('The app\'s identity.')
param principalId string

@description('Name of the resource in this resource group.')
param name string

var roles = loadJsonContent('roles.json')

resource plan 'Microsoft.Web/serverfarms@2024-04-01' existing = {
  name: name
}

resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(plan.id, principalId, roles.monitoringReader)
  scope: plan
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringReader)
  }
}
