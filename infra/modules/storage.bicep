metadata description = 'The storage account: the app\'s package, the host\'s locks, the monitor\'s tables and queues. No keys.'

@description('Region of the account.')
param location string

@description('Name of the account.')
param name string

var deploymentContainerName = 'deployments'

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  // checkov:skip=CKV_AZURE_35:Flex Consumption without a network of its own reaches it over the public endpoint, by identity only
  // checkov:skip=CKV_AZURE_206:locally redundant is the cheapest; what is lost is read again as far as the sources remember
  name: name
  location: location
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource deployments 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: deploymentContainerName
  properties: {
    publicAccess: 'None'
  }
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource samples 'Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01' = {
  parent: tables
  name: 'Samples'
}

resource alerts 'Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01' = {
  parent: tables
  name: 'Alerts'
}

resource config 'Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01' = {
  parent: tables
  name: 'Config'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: account
  name: 'default'
}

resource collect 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: queues
  name: 'collect'
}

resource deliveries 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: queues
  name: 'deliveries'
}

@description('The account\'s name, which is how the app finds it.')
output name string = account.name

@description('Its resource id, by which the app counts its transactions.')
output id string = account.id

@description('Where the app\'s package is put.')
output deploymentContainerUrl string = '${account.properties.primaryEndpoints.blob}${deployments.name}'
