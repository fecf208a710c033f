metadata description = 'Lets the app\'s identity read the metrics of one App Service plan.'

@description('The app\'s identity.')
param principalId string

@description('Name of the resource in this resource group.')
param name string

var monitoringReader = '43d0d8ad-25c7-4714-9337-8ba259a9fe05'

resource plan 'Microsoft.Web/serverfarms@2024-04-01' existing = {
  name: name
}

resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(plan.id, principalId, monitoringReader)
  scope: plan
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringReader)
  }
}
