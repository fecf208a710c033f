metadata description = 'Application Insights for the monitor itself, over a workspace with a daily cap or one that exists.'

@description('Region of the telemetry.')
param location string

@description('Name of the workspace that is created.')
param workspaceName string

@description('Name of the Application Insights.')
param applicationInsightsName string

@description('Resource id of a workspace to use; empty: one is created.')
param existingWorkspaceId string

@description('Daily cap of the created workspace in GB.')
param dailyCapGb string

@description('How many days the created workspace keeps telemetry.')
param retentionDays int

resource workspace 'Microsoft.OperationalInsights/workspaces@2022-10-01' = if (empty(existingWorkspaceId)) {
  name: workspaceName
  location: location
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    workspaceCapping: {
      dailyQuotaGb: json(dailyCapGb)
    }
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: applicationInsightsName
  location: location
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: empty(existingWorkspaceId) ? workspace.id : existingWorkspaceId
    DisableLocalAuth: true
  }
}

@description('Its name, for the role of its writer.')
output applicationInsightsName string = applicationInsights.name

@description('Resource id of the workspace, whichever it is.')
output workspaceResourceId string = empty(existingWorkspaceId) ? workspace.id : existingWorkspaceId

@description('Id (a GUID) of the workspace that was created; empty for one that existed.')
output workspaceId string = empty(existingWorkspaceId) ? workspace!.properties.customerId : ''

@description('Name of the workspace that was created.')
output workspaceName string = workspaceName

// No secret: without local authentication only the roles let anybody write.
@description('Where telemetry is sent.')
output connectionString string = applicationInsights.properties.ConnectionString
