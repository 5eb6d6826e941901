"""Settings of the database, the object stores and the key service."""

from common.config.sections.server import ServerSettings
from common.config.setting import flag, path, secret, text


class DatabaseSettings:
    """The database."""

    database_endpoint = text("PULUMI_DATABASE_ENDPOINT", "`host:port` of a MySQL 8 server; unset: SQLite in the data folder.")
    database_name = text("PULUMI_DATABASE_NAME", "Database on that server.", default="pulumi")
    database_user_name = text("PULUMI_DATABASE_USER_NAME", "Database user.", default="pulumi_service")
    database_user_password = secret("PULUMI_DATABASE_USER_PASSWORD", "Database user's password.")
    database_login = text(
        "STACKHOLD_DATABASE_LOGIN",
        "`password`, or a token over verified TLS instead: `aws-iam` for RDS, `entra` for Azure.",
        default="password",
    )
    database_ca_certificate = text(
        "DATABASE_CA_CERTIFICATE",
        "Certificate authority of the MySQL server, for verified TLS: PEM text, base64 of it, or a path.",
        is_pem=True,
    )
    database_min_tls_version = text(
        "DATABASE_MIN_TLS_VERSION",
        (
            "Lowest TLS version for MySQL, 1.2 or 1.3; an older one means 1.2. If it is set without"
            " DATABASE_CA_CERTIFICATE, the authorities that this machine trusts verify the server."
        ),
        default="1.2",
    )
    migrate_at_start = flag(
        "STACKHOLD_MIGRATE_AT_START", "`false`: `serve` does not start before `stackhold migrate` has run.", default=True
    )
    database_sleeps = flag(
        "STACKHOLD_DATABASE_SLEEPS",
        (
            "`true`: the MySQL server pauses while no program is connected, such as Aurora with a minimum of 0. Jobs and"
            " health checks of AWS Lambda and Azure Functions then connect only when there is work, and a request waits"
            " until it is back."
        ),
        default=False,
    )
    database_ping_endpoint = text("PULUMI_DATABASE_PING_ENDPOINT", "`host:port` that `migrate` polls until MySQL answers there.")
    mysql_root_password = secret(
        "MYSQL_ROOT_PASSWORD", "Password of a MySQL administrator, with which `migrate` first creates the database and its user."
    )
    mysql_root_username = text("MYSQL_ROOT_USERNAME", "User name of that administrator.", default="root")
    mysql_allow_empty_password = flag("MYSQL_ALLOW_EMPTY_PASSWORD", "`true`: that administrator has no password.", default=False)
    skip_create_db_user = flag(
        "SKIP_CREATE_DB_USER", "`true`: `migrate` creates only the database; the user exists already.", default=False
    )


class ObjectStoreSettings:
    """The object stores, and the clouds' credentials."""

    local_objects = path(
        "PULUMI_LOCAL_OBJECTS",
        "Folder for stack states; unset: `objects` in the data folder.",
        inside=(ServerSettings.data_folder, "objects"),
    )
    checkpoint_blob_storage_endpoint = text(
        "PULUMI_CHECKPOINT_BLOB_STORAGE_ENDPOINT", "`s3://bucket?…` or `azblob://container` for stack states."
    )
    engine_events_blob_storage_endpoint = text(
        "PULUMI_ENGINE_EVENTS_BLOB_STORAGE_ENDPOINT", "The same for large batches; unset: with the states."
    )
    policy_pack_local_http_objects = path("PULUMI_POLICY_PACK_LOCAL_HTTP_OBJECTS", "Folder for policy packs.")
    policy_pack_blob_storage_endpoint = text(
        "PULUMI_POLICY_PACK_BLOB_STORAGE_ENDPOINT",
        "Bucket or container for policy packs, not the one for states.",
    )
    service_metadata_blob_storage_endpoint = text(
        "PULUMI_SERVICE_METADATA_BLOB_STORAGE_ENDPOINT", "For configuration over 64 kB; unset: with the states."
    )
    aws_region = text("AWS_REGION", "AWS region; any valid name for other S3 stores.")
    aws_profile = text("AWS_PROFILE", "Profile of the AWS configuration files; the SDK reads it.")
    aws_access_key_id = text("AWS_ACCESS_KEY_ID", "AWS access key; unset: what the SDK finds, such as the function's own role.")
    aws_secret_access_key = secret("AWS_SECRET_ACCESS_KEY", "Its secret.")
    aws_role_arn = text("AWS_ROLE_ARN", "AWS role that is assumed with those credentials.")
    azure_storage_account = text("AZURE_STORAGE_ACCOUNT", "Azure storage account.")
    azure_storage_key = secret("AZURE_STORAGE_KEY", "Its shared key; unset: the identity that this program runs as.")
    azure_storage_domain = text("AZURE_STORAGE_DOMAIN", "Domain of the Azure storage account.", default="blob.core.windows.net")
    azure_client_id = text("AZURE_CLIENT_ID", "Azure managed identity or service principal; the SDK reads these three.")
    azure_client_secret = secret("AZURE_CLIENT_SECRET", "Secret of the service principal.")
    azure_tenant_id = text("AZURE_TENANT_ID", "Tenant of the service principal.")


class EncryptionSettings:
    """The key service."""

    local_keys = path(
        "PULUMI_LOCAL_KEYS",
        (
            "Random 32-byte key: a file, or a folder that holds one; unset: `keys` in the data folder, where the"
            " first start makes it."
        ),
        inside=(ServerSettings.data_folder, "keys"),
    )
    kms_key = text("PULUMI_KMS_KEY", "ARN of an AWS KMS key.")
    azure_kv_uri = text("PULUMI_AZURE_KV_URI", "Address of an Azure Key Vault.")
    azure_kv_key_name = text("PULUMI_AZURE_KV_KEY_NAME", "Name of its RSA key.")
    azure_kv_key_version = text(
        "PULUMI_AZURE_KV_KEY_VERSION", "Version that encrypts; unset: the latest. Older ones must stay enabled."
    )
    signing_key = text(
        "STACKHOLD_SIGNING_KEY",
        (
            "Asymmetric AWS KMS key (ARN, id or `alias/<name>`; `RSA_2048`, `SIGN_VERIFY`) that signs the identity tokens of"
            " environments; unset: keys in the database, encrypted."
        ),
    )
    unwrap_keys = text(
        "STACKHOLD_UNWRAP_KEYS",
        (
            "Other master keys that may unwrap data keys, during a change of key or a restore; new ones are wrapped by the key"
            " above. Addresses with commas: `file:///path`, `awskms://<ARN, id or alias/name>[?region=…]`, `azurekeyvault://<vault>/keys/<name>`."
        ),
        is_list=True,
    )


class AuditSettings:
    """The audit log."""

    audit_logs_dynamo_table = text(
        "PULUMI_AUDIT_LOGS_DYNAMO_TABLE",
        (
            "DynamoDB table that audit logs are copied to and read from; unset: they are read from the database. For AWS alone:"
            " Azure has no such table."
        ),
    )
