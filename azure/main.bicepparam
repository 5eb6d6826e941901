using 'main.bicep'

param name = 'stackhold'
param bootstrapOrg = 'acme'
// From the environment, so that it is written nowhere:
//   export STACKHOLD_BOOTSTRAP_TOKEN=pul-$(openssl rand -hex 20)
param bootstrapToken = readEnvironmentVariable('STACKHOLD_BOOTSTRAP_TOKEN')
