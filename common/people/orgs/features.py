"""The features of an organization that clients read: upstream's names, and which of them this server has."""

_NAMES = """
auditLogsEnabled hasTerraformModules crossGuardEnabled webhooksEnabled integrationAssistantEnabled aleEnabled
deployEnabled scimEnabled resourceSearchEnabled resourceExportEnabled propertySearchUIEnabled nlpSearchEnabled
customTemplatesEnabled restoreStacksEnabled environmentsEnabled environmentRevisionTagsEnabled legacyDeploymentsOrgToken
gitHubEnterpriseIntegrationEnabled gitHubEnterpriseCloudDataResidencyEnabled gitHubEnterpriseIndividualAuthEnabled
agentPoolRegistrationEnabled dashboardOnboardingUIEnabled driftDetectionEnabled selfHostedDeploymentsEnabled
auditLogUIFilteringEnabled dependencyCachingEnabled environmentsRestoreEnabled pangeaAccountsScanPageEnabled
customRolesEnabled usersCustomRolesEnabled environmentSecretRotationEnabled insightsMonetizationEnabled
selfServeIDPRemoval iacCloudImportEnabled bringYourOwnKeyEnabled approvalsEnabled escOnboardingEnabled
escOnboardingV2Enabled escEditorRevampEnabled escOnboardingAzureOAuthClientEnabled escOnboardingGcpOAuthClientEnabled
policyManagementV2Enabled policyIssueManagementEnabled aiAgentsEnabled aiAgentsReadOnly themingEnabled
customRoleCondition neoTaskSharingEnabled ghAppDetailedDiffEnabled neoServerSideApprovalsEnabled neoPlanModeEnabled
neoCustomRolesEnabled getStartedOnboardEnabled neoReadOnlyEnabled discoveredStacksEnabled agentIntegrationCatalogEnabled
agentScheduledTasksEnabled neoCustomAgentsEnabled neoSecurityEnabled agentTriggeredTasksEnabled
aiReviewCodeAccessEnabled neoCodeReviewsEnabled customVCSEnabled bitbucketVCSEnabled insightsAutoPolicyPacksEnabled
fixDriftWithNeoEnabled cliIntegrationCatalogEnabled serviceBackedConfigEnabled universalSearchEnabled
driftRemediationEnabled expandedPolicyEnforcementLevelsEnabled machineTokensEnabled samlSsoEnabled
teamMemberRoleManagementEnabled teamsEnabled neoTokenMeteringEnabled tagBasedDeploymentTriggersEnabled
notificationCenterEnabled deploymentOidcSettingsEnabled neoUsageLimitsEnabled unlinkedGitHubAppRecoveryEnabled
accessTokenExpiryPolicyEnabled neoByokEnabled neoAgentTaskRbacEnforcementEnabled linkExpressCheckoutEnabled
multiChangeRequestsEnabled agentsAsTeamMembersEnabled entityUserAssignmentsEnabled policyExceptionsEnabled
staticDefaultRolesEnabled policyPostureReportEnabled customPolicyGroupsEnabled customPolicyPacksEnabled
preventativePoliciesEnabled permissionModeEnabled deliveryEnabled cursorOriginVCSEnabled enterpriseSelfServeEnabled
"""
# A change that builds one of the others adds it here: clients show and try what is on.
_BUILT = frozenset(
    {
        "accessTokenExpiryPolicyEnabled",
        "approvalsEnabled",
        "customRoleCondition",
        "customRolesEnabled",
        "entityUserAssignmentsEnabled",
        "machineTokensEnabled",
        "multiChangeRequestsEnabled",
        "restoreStacksEnabled",
        "samlSsoEnabled",
        "scimEnabled",
        "staticDefaultRolesEnabled",
        "teamMemberRoleManagementEnabled",
        "teamsEnabled",
        "usersCustomRolesEnabled",
        "webhooksEnabled",
    }
)
FEATURES = {name: name in _BUILT for name in _NAMES.split()}
