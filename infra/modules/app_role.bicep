metadata description = 'Lets the app\'s identity read the metrics of one web app.'

@description('The app\'s identity.')
param principalId string

@description('Name of the resource in this resource group.')
param name string

var monitoringReader = '43d0d8ad-25c7-4714-9337-8ba259a9fe05'

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: name
}

resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(app.id, principalId, monitoringReader)
  scope: app
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringReader)
  }
}
