// The vault: the key that wraps data keys, and the secrets that the app's settings refer to: two that are made here, and those
// that operators have put there. Roles are given on the key and on each secret, not on the vault.

param location string
param name string
param appSubnetId string
param operatorAddresses array
param principalId string
@secure()
param bootstrapToken string
@secure()
param databasePassword string
param settingSecrets array

var roles = {
  // Reads the public key, and unwraps.
  cryptoUser: '12338af0-0e69-4776-bea7-57ae8d297424'
  // Settings that refer to a secret are read with the app's identity.
  secretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: name
  location: location
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    // Who loses the key loses every secret in every state.
    enablePurgeProtection: true
    networkAcls: {
      bypass: 'AzureServices'
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
}

resource key 'Microsoft.KeyVault/vaults/keys@2023-07-01' = {
  parent: vault
  name: 'master'
  properties: {
    kty: 'RSA'
    keySize: 2048
    keyOps: ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey']
  }
}

resource token 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'bootstrap-token'
  properties: {
    value: bootstrapToken
  }
}

resource password 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = {
  parent: vault
  name: 'database-password'
  properties: {
    value: databasePassword
  }
}

resource further 'Microsoft.KeyVault/vaults/secrets@2023-07-01' existing = [for secret in settingSecrets: {
  parent: vault
  name: secret
}]

resource wraps 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: key
  name: guid(key.id, principalId, roles.cryptoUser)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.cryptoUser)
  }
}

resource readsToken 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: token
  name: guid(token.id, principalId, roles.secretsUser)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.secretsUser)
  }
}

resource readsPassword 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: password
  name: guid(password.id, principalId, roles.secretsUser)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.secretsUser)
  }
}

resource readsFurther 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for (secret, index) in settingSecrets: {
  scope: further[index]
  name: guid(vault.id, secret, principalId, roles.secretsUser)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.secretsUser)
  }
}]

output name string = vault.name
output uri string = vault.properties.vaultUri
output keyName string = key.name
// Addresses without a version, so that a setting that refers to one gets the newest.
output bootstrapTokenUri string = token.properties.secretUri
output databasePasswordUri string = password.properties.secretUri
