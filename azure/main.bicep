// Stackhold on Azure: a Flex Consumption function app, MySQL, Blob Storage and Key Vault in one resource group.
//
//   az deployment group create --resource-group stackhold --template-file azure/main.bicep --parameters azure/main.bicepparam
//
// The app signs in everywhere as one managed identity; no key or password of any service is handed to it.

targetScope = 'resourceGroup'

@description('Where everything is made.')
param location string = resourceGroup().location

@description('First part of every name: 3 to 12 lower-case letters and digits.')
@minLength(3)
@maxLength(12)
param name string = 'stackhold'

@description('Public name of the API, without https://. The name that Azure gives the app unless there is a domain of your own.')
param apiDomain string = ''

@description('First administrator\'s access token: pul- and 40 hexadecimal digits. Kept in the vault.')
@secure()
param bootstrapToken string

@description('Organization that the first start makes.')
param bootstrapOrg string = 'acme'

@description('entra: the app\'s identity signs in to MySQL. password: a user and the password below.')
@allowed(['entra', 'password'])
param databaseLogin string = 'entra'

@description('Password of the database server\'s own administrator, kept in the vault. Give the same one at every deployment. With databaseLogin=password the app uses it too.')
@minLength(16)
@maxLength(128)
@secure()
param databasePassword string

@description('Machine of the database server; Standard_B1ms is the smallest.')
param databaseSku string = 'Standard_B1ms'

@description('Disk of the database server.')
@minValue(20)
param databaseStorageGB int = 20

@description('Days that the database server keeps backups.')
@minValue(1)
@maxValue(35)
param databaseBackupDays int = 7

@description('Version of the vault\'s key that encrypts; empty: the latest.')
param keyVersion string = ''

@description('Memory of an instance of the app.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Instances that are kept running for requests; 0: none, and the first request after a pause waits for a start.')
@minValue(0)
param alwaysReady int = 0

@description('Instances at most. Each holds up to 10 connections to the database.')
@minValue(40)
@maxValue(1000)
param maximumInstances int = 40

@description('false: the app does not change the database\'s tables; run `stackhold migrate` before each release.')
param migrateAtStart bool = true

@description('Days that logs are kept.')
@minValue(30)
param logDays int = 30

@description('Address ranges from which operators may use the vault and the data storage, such as 203.0.113.7/32.')
param operatorAddresses array = []

@description('Further settings of the app, by their names in docs/configuration.md. All of them at every deployment.')
@secure()
param extraSettings object = {}

@description('Names of the vault\'s secrets that these settings refer to. You make them; the app is allowed to read them.')
param vaultSecrets array = []

var suffix = uniqueString(resourceGroup().id, name)
var appName = '${name}-${suffix}'

module network 'network.bicep' = {
  name: 'network'
  params: {
    location: location
    name: appName
  }
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: appName
  location: location
}

module storage 'storage.bicep' = {
  name: 'storage'
  params: {
    location: location
    name: name
    suffix: suffix
    appSubnetId: network.outputs.appSubnetId
    operatorAddresses: operatorAddresses
    principalId: identity.properties.principalId
  }
}

module vault 'vault.bicep' = {
  name: 'vault'
  params: {
    location: location
    name: 'kv${suffix}'
    appSubnetId: network.outputs.appSubnetId
    operatorAddresses: operatorAddresses
    principalId: identity.properties.principalId
    bootstrapToken: bootstrapToken
    databasePassword: databasePassword
    settingSecrets: vaultSecrets
  }
}

module database 'database.bicep' = {
  name: 'database'
  params: {
    location: location
    name: appName
    subnetId: network.outputs.databaseSubnetId
    dnsZoneId: network.outputs.databaseDnsZoneId
    login: databaseLogin
    password: databasePassword
    appIdentityName: identity.name
    appIdentityClientId: identity.properties.clientId
    sku: databaseSku
    storageGB: databaseStorageGB
    backupDays: databaseBackupDays
  }
}

module app 'app.bicep' = {
  name: 'app'
  params: {
    location: location
    name: appName
    apiDomain: empty(apiDomain) ? '${appName}.azurewebsites.net' : apiDomain
    subnetId: network.outputs.appSubnetId
    identityId: identity.id
    identityClientId: identity.properties.clientId
    identityPrincipalId: identity.properties.principalId
    hostStorageName: storage.outputs.hostName
    deploymentContainerUrl: storage.outputs.deploymentContainerUrl
    dataStorageName: storage.outputs.dataName
    vaultUri: vault.outputs.uri
    keyName: vault.outputs.keyName
    keyVersion: keyVersion
    bootstrapTokenUri: vault.outputs.bootstrapTokenUri
    bootstrapOrg: bootstrapOrg
    databaseHost: database.outputs.host
    databaseName: database.outputs.databaseName
    databaseLogin: databaseLogin
    databaseUser: database.outputs.user
    databasePasswordUri: vault.outputs.databasePasswordUri
    instanceMemoryMB: instanceMemoryMB
    alwaysReady: alwaysReady
    maximumInstances: maximumInstances
    migrateAtStart: migrateAtStart
    logDays: logDays
    extraSettings: extraSettings
  }
}

@description('For `func azure functionapp publish`.')
output appName string = appName

@description('For `pulumi login`.')
output apiUrl string = 'https://${empty(apiDomain) ? app.outputs.hostName : apiDomain}'

output vaultName string = vault.outputs.name
output dataStorageName string = storage.outputs.dataName
output databaseHost string = database.outputs.host
