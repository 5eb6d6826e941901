using 'main.bicep'

param name = 'stackhold'
param bootstrapOrg = 'acme'
// From the environment, so that they are written nowhere:
//   export STACKHOLD_BOOTSTRAP_TOKEN=pul-$(openssl rand -hex 20)
//   export STACKHOLD_DATABASE_PASSWORD=Db1-$(openssl rand -hex 20)
// Keep both: later deployments take the same ones.
param bootstrapToken = readEnvironmentVariable('STACKHOLD_BOOTSTRAP_TOKEN')
param databasePassword = readEnvironmentVariable('STACKHOLD_DATABASE_PASSWORD')
