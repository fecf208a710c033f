metadata description = 'Sign-in on the platform itself, beside bearer tokens: who is not signed in is let through to the app, which decides.'

@description('Name of the function app.')
param appName string

@description('Client id of the app registration; its secret is not needed to verify tokens.')
param clientId string

@description('Issuer of the tokens.')
param issuer string

@description('Client ids of further applications that people come from.')
param applications array

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: appName
}

resource authentication 'Microsoft.Web/sites/config@2024-04-01' = {
  // These are about another kind of config than authsettingsV2, or about App Service plans:
  // checkov:skip=CKV_AZURE_66:authsettingsV2 have no such property
  // checkov:skip=CKV_AZURE_63:authsettingsV2 have no such property
  // checkov:skip=CKV_AZURE_65:authsettingsV2 have no such property
  // checkov:skip=CKV_AZURE_222:authsettingsV2 have no such property
  // checkov:skip=CKV_AZURE_80:the app is Python
  // checkov:skip=CKV_AZURE_13:this is what sets it; the check looks for the older form
  // checkov:skip=CKV_AZURE_88:Flex Consumption refuses Azure Files as content share
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      // The dashboard's shell, health, and the links in messages are for everybody.
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: clientId
          openIdIssuer: issuer
        }
        validation: {
          allowedAudiences: ['api://${clientId}', clientId]
          // Left out, it is kept as an empty list, which lets nobody in who has a valid token
          // (github.com/pnp/Microsoft365-Analytics-Insights/pull/264).
          defaultAuthorizationPolicy: {
            allowedApplications: union([clientId], applications)
          }
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}
