metadata description = 'The function app on its own Flex Consumption plan, with a system-assigned identity; settings.bicep configures it.'

@description('Region of the app.')
param location string

@description('Name of the app.')
param name string

@description('Name of its plan.')
param planName string

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

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  // checkov:skip=CKV_AZURE_225:the plan has one app for one small target; a zone that fails is healed from what the sources remember
  name: planName
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
  // checkov:skip=CKV_AZURE_67:not documented for Flex Consumption, whose front ends speak HTTP/2 by themselves
  // checkov:skip=CKV_AZURE_18:as above
  // checkov:skip=CKV_AZURE_78:Flex Consumption has no FTP and refuses ftpsState
  // checkov:skip=CKV_AZURE_222:browsers and the CRM call it; every route checks who asks
  // checkov:skip=CKV_AZURE_17:callers are known by tokens, which browsers have and client certificates they have not
  // checkov:skip=CKV_AZURE_212:instances come with messages; none is needed between two minutes
  // checkov:skip=CKV_AZURE_213:Flex Consumption has no health check; supervision.bicep notices silence
  name: name
  location: location
  kind: 'functionapp,linux'
  // azd deploys the service api of azure.yaml to what carries this.
  tags: {
    'azd-service-name': 'api'
  }
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

// A site tells its identity's principal alone; the client id is told here.
resource identity 'Microsoft.ManagedIdentity/identities@2023-01-31' existing = {
  scope: app
  name: 'default'
}

@description('The app\'s name.')
output name string = app.name

@description('Its resource id.')
output id string = app.id

@description('Where it answers.')
output url string = 'https://${app.properties.defaultHostName}'

@description('The identity that gets the roles.')
output principalId string = app.identity.principalId

@description('The same identity, as SQL knows it.')
output clientId string = identity.properties.clientId
