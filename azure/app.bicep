// The function app, its plan, and where its logs go.

param location string
param name string
param apiDomain string
param subnetId string
param identityId string
param identityClientId string
param identityPrincipalId string
param hostStorageName string
param deploymentContainerUrl string
param dataStorageName string
param vaultUri string
param keyName string
param keyVersion string
param bootstrapTokenUri string
param bootstrapOrg string
param databaseHost string
param databaseName string
param databaseLogin string
param databaseUser string
param databasePasswordUri string
param instanceMemoryMB int
param alwaysReady int
param maximumInstances int
param migrateAtStart bool
param logDays int
@secure()
param extraSettings object

// Sends metrics and logs by identity.
var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

// What the platform reads.
var platformSettings = {
  AzureWebJobsStorage__accountName: hostStorageName
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsDisableHomepage: 'true'
  APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}

// What we read; docs/configuration.md says more of each.
var ownSettings = {
  AZURE_CLIENT_ID: identityClientId
  AZURE_STORAGE_ACCOUNT: dataStorageName
  AZURE_STORAGE_DOMAIN: 'blob.${environment().suffixes.storage}'
  PULUMI_API_DOMAIN: apiDomain
  PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT: 'azblob://checkpoints'
  PULUMI_POLICY_PACK_BLOB_STORAGE_ENDPOINT: 'azblob://policypacks'
  PULUMI_ENGINE_EVENTS_BLOB_STORAGE_ENDPOINT: 'azblob://events'
  PULUMI_SERVICE_METADATA_BLOB_STORAGE_ENDPOINT: 'azblob://metadata'
  PULUMI_AZURE_KV_URI: vaultUri
  PULUMI_AZURE_KV_KEY_NAME: keyName
  PULUMI_AZURE_KV_KEY_VERSION: keyVersion
  PULUMI_DATABASE_ENDPOINT: '${databaseHost}:3306'
  PULUMI_DATABASE_NAME: databaseName
  PULUMI_DATABASE_USER_NAME: databaseUser
  PULUMI_DATABASE_USER_PASSWORD: databaseLogin == 'entra' ? '' : '@Microsoft.KeyVault(SecretUri=${databasePasswordUri})'
  STACKHOLD_DATABASE_LOGIN: databaseLogin
  DATABASE_MIN_TLS_VERSION: '1.2'
  STACKHOLD_BOOTSTRAP_TOKEN: '@Microsoft.KeyVault(SecretUri=${bootstrapTokenUri})'
  STACKHOLD_BOOTSTRAP_ORG: bootstrapOrg
  STACKHOLD_MIGRATE_AT_START: migrateAtStart ? 'true' : 'false'
  // Half of what the platform sends an instance at once: the smallest database server takes some 170 connections in all.
  STACKHOLD_THREADS: '8'
}

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: name
  location: location
  properties: {
    retentionInDays: logDays
    sku: {
      name: 'PerGB2018'
    }
    workspaceCapping: {
      dailyQuotaGb: 1
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: name
  location: location
  kind: 'web'
  properties: {
    Application_Type: 'web'
    DisableLocalAuth: true
    WorkspaceResourceId: logs.id
  }
}

resource sendsMetrics 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, identityPrincipalId, metricsPublisher)
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
  }
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: name
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
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: subnetId
    siteConfig: {
      minTlsVersion: '1.2'
      http20Enabled: true
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: deploymentContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstances
        alwaysReady: alwaysReady == 0 ? [] : [
          {
            name: 'http'
            instanceCount: alwaysReady
          }
        ]
        triggers: {
          http: {
            perInstanceConcurrency: 16
          }
        }
      }
    }
  }

  resource settings 'config' = {
    name: 'appsettings'
    properties: union(platformSettings, ownSettings, extraSettings)
  }
}

// Publishing needs the platform's own credentials for neither of these.
resource noFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource noBasic 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

output hostName string = app.properties.defaultHostName
