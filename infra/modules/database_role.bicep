metadata description = 'Lets the app\'s identity read the platform\'s metrics of one Azure SQL database; its rows need grants inside it.'

@description('The app\'s identity.')
param principalId string

@description('Name of the server in this resource group.')
param serverName string

@description('Name of the database on that server.')
param name string

var roles = loadJsonContent('roles.json')

resource server 'Microsoft.Sql/servers@2021-11-01' existing = {
  name: serverName
}

resource database 'Microsoft.Sql/servers/databases@2021-11-01' existing = {
  parent: server
  name: name
}

resource reader 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(database.id, principalId, roles.monitoringReader)
  scope: database
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.monitoringReader)
  }
}
