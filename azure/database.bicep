// A MySQL server without a public address. Its Entra administrator is the app's identity: the server serves this app alone, and
// the app makes its own tables.

param location string
param name string
param subnetId string
param dnsZoneId string
param login string
@secure()
param password string
param appIdentityName string
param appIdentityClientId string
param sku string
param storageGB int
param backupDays int

var administrator = 'stackhold'
var byEntra = login == 'entra'

// Looks up who signs in; docs/deploy-azure.md says which directory permission it needs.
resource directoryReader 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${name}-mysql'
  location: location
}

resource server 'Microsoft.DBforMySQL/flexibleServers@2023-12-30' = {
  name: name
  location: location
  sku: {
    name: sku
    tier: startsWith(sku, 'Standard_B') ? 'Burstable' : 'GeneralPurpose'
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${directoryReader.id}': {}
    }
  }
  properties: {
    version: '8.4'
    administratorLogin: administrator
    administratorLoginPassword: password
    storage: {
      storageSizeGB: storageGB
      autoGrow: 'Enabled'
    }
    backup: {
      backupRetentionDays: backupDays
      geoRedundantBackup: 'Disabled'
    }
    highAvailability: {
      mode: 'Disabled'
    }
    network: {
      delegatedSubnetResourceId: subnetId
      privateDnsZoneResourceId: dnsZoneId
    }
  }
}

resource database 'Microsoft.DBforMySQL/flexibleServers/databases@2023-12-30' = {
  parent: server
  name: 'stackhold'
  properties: {
    charset: 'utf8mb4'
    collation: 'utf8mb4_0900_bin'
  }
}

resource requiresTls 'Microsoft.DBforMySQL/flexibleServers/configurations@2023-12-30' = {
  parent: server
  name: 'require_secure_transport'
  properties: {
    value: 'ON'
    source: 'user-override'
  }
  dependsOn: [database]
}

resource tlsVersions 'Microsoft.DBforMySQL/flexibleServers/configurations@2023-12-30' = {
  parent: server
  name: 'tls_version'
  properties: {
    value: 'TLSv1.2,TLSv1.3'
    source: 'user-override'
  }
  dependsOn: [requiresTls]
}

resource appIsAdministrator 'Microsoft.DBforMySQL/flexibleServers/administrators@2023-12-30' = if (byEntra) {
  parent: server
  name: 'ActiveDirectory'
  properties: {
    administratorType: 'ActiveDirectory'
    identityResourceId: directoryReader.id
    login: appIdentityName
    sid: appIdentityClientId
    tenantId: subscription().tenantId
  }
  dependsOn: [tlsVersions]
}

output host string = server.properties.fullyQualifiedDomainName
output databaseName string = database.name
output user string = byEntra ? appIdentityName : administrator
