// Two storage accounts, both without shared keys: one for what the platform keeps (package, leases of timers), one for our
// documents, which only the app's subnet and the operators' addresses reach.

param location string
param name string
param suffix string
param appSubnetId string
param operatorAddresses array
param principalId string

// This release stores nothing in policypacks.
var containers = ['checkpoints', 'policypacks', 'events', 'metadata']
var roles = {
  // The platform's own store: leases of timers, keys of the app, and reading the package.
  blobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  // Documents are written, read, listed and deleted.
  blobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  // A link to a document is signed with a key that is asked for by identity.
  blobDelegator: 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a'
}

resource host 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: take('host${suffix}', 24)
  location: location
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }

  resource blobs 'blobServices' = {
    name: 'default'

    resource deployment 'containers' = {
      name: 'deployment'
    }
  }
}

resource data 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: take('${name}${suffix}', 24)
  location: location
  kind: 'StorageV2'
  sku: {
    name: 'Standard_ZRS'
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    allowCrossTenantReplication: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'None'
      defaultAction: 'Deny'
      ipRules: [for address in operatorAddresses: {
        value: address
      }]
      virtualNetworkRules: [
        {
          id: appSubnetId
        }
      ]
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      // What was deleted by mistake can be had back for so long.
      deleteRetentionPolicy: {
        enabled: true
        days: 14
      }
      containerDeleteRetentionPolicy: {
        enabled: true
        days: 14
      }
    }
  }
}

resource purposes 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = [for container in containers: {
  parent: data::blobs
  name: container
}]

resource documents 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (container, index) in containers: {
  scope: purposes[index]
  name: guid(data.id, container, principalId, roles.blobDataContributor)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataContributor)
  }
}]

resource links 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: data
  name: guid(data.id, principalId, roles.blobDelegator)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDelegator)
  }
}

resource platform 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: host
  name: guid(host.id, principalId, roles.blobDataOwner)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.blobDataOwner)
  }
}

output hostName string = host.name
output deploymentContainerUrl string = '${host.properties.primaryEndpoints.blob}${host::blobs::deployment.name}'
output dataName string = data.name
