metadata description = 'What the app\'s identity may read of one target, each resource in its own resource group. Deploy it once more for every further target.'

@description('The app\'s identity.')
param principalId string

@description('Resource id of the target\'s App Service plan; empty: none.')
param planId string = ''

@description('Resource id of the target\'s web app; empty: none.')
param appId string = ''

@description('Resource id of the target\'s Azure SQL database; empty: none.')
param databaseId string = ''

@description('Resource id of the target\'s Log Analytics workspace; empty: none.')
param workspaceId string = ''

// Indexing an empty id would fail even where the condition is false: nothing at all is named 'none'.
var noResource = '${resourceGroup().id}/providers/none/none/none/none/none'
var planParts = split(empty(planId) ? noResource : planId, '/')
var appParts = split(empty(appId) ? noResource : appId, '/')
var databaseParts = split(empty(databaseId) ? noResource : databaseId, '/')
var workspaceParts = split(empty(workspaceId) ? noResource : workspaceId, '/')

module plan 'plan_role.bicep' = if (!empty(planId)) {
  name: 'plan-role-${uniqueString(planId)}'
  scope: resourceGroup(planParts[2], planParts[4])
  params: {
    principalId: principalId
    name: planParts[8]
  }
}

module app 'app_role.bicep' = if (!empty(appId)) {
  name: 'app-role-${uniqueString(appId)}'
  scope: resourceGroup(appParts[2], appParts[4])
  params: {
    principalId: principalId
    name: appParts[8]
  }
}

module database 'database_role.bicep' = if (!empty(databaseId)) {
  name: 'database-role-${uniqueString(databaseId)}'
  scope: resourceGroup(databaseParts[2], databaseParts[4])
  params: {
    principalId: principalId
    serverName: databaseParts[8]
    name: databaseParts[10]
  }
}

module workspace 'workspace_role.bicep' = if (!empty(workspaceId)) {
  name: 'workspace-role-${uniqueString(workspaceId)}'
  scope: resourceGroup(workspaceParts[2], workspaceParts[4])
  params: {
    principalId: principalId
    name: workspaceParts[8]
  }
}
