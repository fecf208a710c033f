metadata description = 'The function app on its own Flex Consumption plan, with a system-assigned identity.'

@description('Region of the app.')
param location string

@description('Name of the app.')
param name string

@description('Version of Python.')
param pythonVersion string

@description('Memory of an instance in MB.')
param instanceMemoryMB int

@description('How many instances the platform may start.')
param maximumInstanceCount int

@description('Blob container of the app\'s package; it must exist before the app.')
param deploymentContainerUrl string

@description('The only origin that browsers may call from; empty: none.')
param crmOrigin string

@description('The app\'s whole configuration; some values are secrets.')
@secure()
param appSettings object

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: '${name}-plan'
  location: location
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  kind: 'functionapp,linux'
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    siteConfig: {
      minTlsVersion: '1.2'
      cors: {
        allowedOrigins: empty(crmOrigin) ? [] : [crmOrigin]
        supportCredentials: false
      }
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: deploymentContainerUrl
          authentication: {
            type: 'SystemAssignedIdentity'
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: appSettings
}

@description('The app\'s name.')
output name string = app.name

@description('Where it answers.')
output url string = 'https://${app.properties.defaultHostName}'

@description('The identity that gets the roles.')
output principalId string = app.identity.principalId
