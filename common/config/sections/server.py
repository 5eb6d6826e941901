"""Settings of the server itself."""

from common.config.setting import flag, integer, path, secret, text


class ServerSettings:
    """The server: where it listens, its limits, its public names."""

    data_folder = path(
        "STACKHOLD_DATA",
        (
            "Data folder: database, objects, key and first token. Unset: `.stackhold` in the working directory if"
            " it exists or in a checkout, else `stackhold` in the user's data folder (`XDG_DATA_HOME`,"
            " `~/.local/share`)."
        ),
        default=".stackhold",
    )
    host = text("STACKHOLD_HOST", "Address to listen on.", default="127.0.0.1")
    port = integer(
        "STACKHOLD_PORT", "Port to listen on; 8443 with TLS when this is unset; 0: any free one.", default=8080, highest=65535
    )
    workers = integer("STACKHOLD_WORKERS", "Server processes.", default=1, lowest=1, highest=256)
    threads = integer(
        "STACKHOLD_THREADS",
        "Requests a process works on at once; also its limit of database connections.",
        default=16,
        lowest=1,
        highest=1024,
    )
    trusted_proxies = text(
        "STACKHOLD_TRUSTED_PROXIES",
        "Proxies whose X-Forwarded-For header is trusted, separated by commas.",
        default="127.0.0.1",
        is_list=True,
    )
    keep_alive_seconds = integer(
        "STACKHOLD_KEEP_ALIVE_SECONDS",
        "Seconds an idle connection stays open. Set it longer than a load balancer in front keeps idle connections.",
        default=120,
        lowest=1,
        highest=86_400,
    )
    header_timeout_seconds = integer(
        "STACKHOLD_HEADER_TIMEOUT_SECONDS",
        "Seconds within which a request's headers must arrive.",
        default=30,
        lowest=1,
        highest=3_600,
    )
    connections = integer(
        "STACKHOLD_CONNECTIONS",
        "Maximum number of open connections of a process; fewer if its limit of file descriptors is lower.",
        default=8192,
        lowest=1,
    )
    connections_per_address = integer(
        "STACKHOLD_CONNECTIONS_PER_ADDRESS",
        "Maximum number of open connections of one address, and at most half of all; trusted proxies have no such limit.",
        default=512,
        lowest=1,
    )
    body_limit_bytes = integer(
        "STACKHOLD_BODY_LIMIT_BYTES",
        "Largest request body with a state, after decompression; no other body may be larger.",
        default=256 << 20,
        lowest=1,
    )
    batch_limit_bytes = integer(
        "STACKHOLD_BATCH_LIMIT_BYTES",
        "Largest batch of journal entries or events, after decompression; clients halve a larger one.",
        default=64 << 20,
        lowest=1,
    )
    update_limit_bytes = integer(
        "STACKHOLD_UPDATE_LIMIT_BYTES",
        (
            "Largest journal of one update, and largest total of its events, after decompression; 256 bytes are"
            " added for each entry or event."
        ),
        default=512 << 20,
        lowest=1,
    )
    stacks_per_organization = integer(
        "STACKHOLD_STACKS_PER_ORGANIZATION", "Maximum number of stacks of an organization.", default=10_000, lowest=1
    )
    updates_per_day = integer(
        "STACKHOLD_UPDATES_PER_DAY",
        "Maximum number of updates and previews of one stack within 24 hours.",
        default=5000,
        lowest=1,
    )
    batch_row_limit_bytes = integer(
        "STACKHOLD_BATCH_ROW_LIMIT_BYTES", "Larger journal or event batches go to the object store.", default=256 << 10
    )
    settings_secrets = text(
        "STACKHOLD_SETTINGS_SECRETS",
        (
            "On AWS Lambda: secrets in Secrets Manager, separated by commas. Each is a JSON object of further"
            " settings. Settings in the environment take precedence."
        ),
    )
    settings_seconds = integer(
        "STACKHOLD_SETTINGS_SECONDS",
        "Seconds after which AWS Lambda and Azure Functions read secrets again.",
        default=120,
        lowest=1,
        highest=86400,
    )
    api_container_mode = text(
        "PULUMI_API_CONTAINER_MODE", "FULL: requests and jobs; API: requests only; JOBS: jobs only.", default="FULL"
    )
    api_domain = text("PULUMI_API_DOMAIN", "Public name of the API, `host[:port]`; the base of links.")
    base_path = text(
        "STACKHOLD_BASE_PATH",
        (
            "Path under which a proxy or a gateway publishes this server, such as `/pulumi`. It is removed from"
            " requests once; links, redirects and cookies begin with it."
        ),
    )
    console_domain = text("PULUMI_CONSOLE_DOMAIN", "Public name of the console, where invitations lead; unset: to the API's own.")


class FirstStartSettings:
    """What the first start creates."""

    bootstrap_token = secret("STACKHOLD_BOOTSTRAP_TOKEN", "First administrator's access token: `pul-` and 40 hexadecimal digits.")
    bootstrap_org = text("STACKHOLD_BOOTSTRAP_ORG", "Organization that the first start creates, beside the administrator's own.")


class TLSSettings:
    """HTTPS of the server itself."""

    api_tls_certificate = text(
        "API_TLS_CERTIFICATE", "Certificate with its chain, for HTTPS: a path, PEM text, or base64 of it.", is_pem=True
    )
    api_tls_private_key = secret(
        "API_TLS_PRIVATE_KEY", "Private key of the certificate: a path, PEM text, or base64 of it.", is_pem=True
    )
    api_min_tls_version = text("API_MIN_TLS_VERSION", "Lowest TLS version, 1.2 or 1.3; an older one means 1.2.", default="1.2")


class CleanupSettings:
    """How long data is kept."""

    journal_days = integer(
        "STACKHOLD_JOURNAL_DAYS", "Days after which the journal of an update that has ended is deleted.", default=7
    )
    deleted_stack_days = integer(
        "STACKHOLD_DELETED_STACK_DAYS",
        "Days after which deleted stacks and environments are purged.",
        default=30,
    )
    backup_days = integer(
        "STACKHOLD_BACKUP_DAYS",
        "Days after which site administrators and `stackhold doctor` are warned that the last good backup is too old; 0: never.",
        default=7,
    )


class TelemetrySettings:
    """What the server says about itself."""

    log_format = text(
        "STACKHOLD_LOG_FORMAT",
        "Form of the log's lines: `text` or `json`.",
        default="text",
        choices=("text", "json"),
    )
    metrics_webhook_secret = secret(
        "METRICS_WEBHOOK_SECRET",
        "Secret for `/metrics`, which clients send as `Authorization: webhook-token …`; unset: `/metrics` is not served.",
    )
    otel_exporter_otlp_endpoint = text(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "Receiver of traces and metrics by OTLP, such as `http://localhost:4317`; unset: none. Needs the extra `otel`.",
    )
    otel_exporter_otlp_protocol = text(
        "OTEL_EXPORTER_OTLP_PROTOCOL", "Protocol of the receiver: `grpc` or `http`.", default="grpc", choices=("grpc", "http")
    )
    xray = flag(
        "STACKHOLD_XRAY",
        "Send traces to the daemon of AWS X-Ray, if no receiver of OTLP is set. Needs the extra `xray`.",
        default=False,
    )
    enable_deprecated_metrics = flag(
        "PULUMI_ENABLE_DEPRECATED_METRICS",
        "Write a line of the log for each update that ends, each sign-in and each request that lacks a permission.",
        default=True,
    )
