metadata description = 'Azure Communication Services with a mail domain: one that Azure manages, or your own.'

@description('Name of the Communication Services.')
param name string

@description('Name of their mail service.')
param mailName string

@description('Where they keep their data at rest.')
param dataLocation string

@description('A domain of your own; empty: one that Azure manages.')
param domain string

@description('Whether its DNS records were verified; before, it is created and not linked.')
param domainVerified bool

resource mail 'Microsoft.Communication/emailServices@2023-04-01' = {
  name: mailName
  location: 'global'
  properties: {
    dataLocation: dataLocation
  }
}

resource mailDomain 'Microsoft.Communication/emailServices/domains@2023-04-01' = {
  parent: mail
  name: empty(domain) ? 'AzureManagedDomain' : domain
  location: 'global'
  properties: {
    domainManagement: empty(domain) ? 'AzureManaged' : 'CustomerManaged'
    userEngagementTracking: 'Disabled'
  }
}

resource communication 'Microsoft.Communication/communicationServices@2023-04-01' = {
  name: name
  location: 'global'
  properties: {
    dataLocation: dataLocation
    linkedDomains: empty(domain) || domainVerified ? [mailDomain.id] : []
  }
}

@description('Their name, for the role of who sends.')
output name string = communication.name

@description('Where messages are handed in.')
output endpoint string = 'https://${communication.properties.hostName}'

@description('The sender that the domain knows from the start.')
output sender string = 'DoNotReply@${mailDomain.properties.fromSenderDomain}'
