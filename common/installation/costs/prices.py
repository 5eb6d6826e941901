"""List prices of the clouds in US dollars, without free tiers: the only place that has them.

AWS: us-east-1. Azure: West Europe, as far as they are known without an account. The pages say what they are today; a new look at
them changes the prices here, `AS_OF` and, by `make docs`, the tables of docs/costs.md, deploy-aws.md and deploy-azure.md.
"""

from types import MappingProxyType

AS_OF = "November 2026"
HOURS, SECONDS, MINUTES = 730, 730 * 3600, 730 * 60

# Where each price stands.
SOURCES = MappingProxyType(
    {
        "Amazon RDS for MySQL": "https://aws.amazon.com/rds/mysql/pricing/",
        "Amazon Aurora": "https://aws.amazon.com/rds/aurora/pricing/",
        "AWS PrivateLink": "https://aws.amazon.com/privatelink/pricing/",
        "AWS KMS": "https://aws.amazon.com/kms/pricing/",
        "AWS Secrets Manager": "https://aws.amazon.com/secrets-manager/pricing/",
        "AWS Lambda": "https://aws.amazon.com/lambda/pricing/",
        "Amazon API Gateway": "https://aws.amazon.com/api-gateway/pricing/",
        "Amazon S3": "https://aws.amazon.com/s3/pricing/",
        "Amazon CloudWatch": "https://aws.amazon.com/cloudwatch/pricing/",
        "Azure Database for MySQL": "https://azure.microsoft.com/pricing/details/mysql/",
        "Azure Functions": "https://azure.microsoft.com/pricing/details/functions/",
        "Azure Blob Storage": "https://azure.microsoft.com/pricing/details/storage/blobs/",
        "Azure Key Vault": "https://azure.microsoft.com/pricing/details/key-vault/",
        "Azure DNS": "https://azure.microsoft.com/pricing/details/dns/",
    }
)

# --- AWS ---
# An hour of db.t4g.micro; a gigabyte of its disk for a month.
RDS_HOUR, RDS_GB = 0.016, 0.115
# An hour of a capacity unit of Aurora Serverless v2; a gigabyte for a month; a million reads and writes of its disk.
AURORA_UNIT_HOUR, AURORA_GB, AURORA_MILLION_IO = 0.12, 0.10, 0.20
# An hour of an interface endpoint in one zone.
ENDPOINT_HOUR = 0.01
# A key and a secret for a month; a call of KMS.
KMS_KEY, SECRET, KMS_CALL = 1.00, 0.40, 0.000003
# A gigabyte-second on arm64, a request; a gigabyte-second of a snapshot, a restored gigabyte.
LAMBDA_GB_SECOND, LAMBDA_REQUEST, SNAPSHOT_GB_SECOND, RESTORED_GB = 0.0000133334, 0.0000002, 0.0000015046, 0.00014
# A request of an HTTP API.
GATEWAY_REQUEST = 0.000001
# An upload or a list, a download, a gigabyte for a month.
S3_WRITE, S3_READ, S3_GB = 0.000005, 0.0000004, 0.023
# An alarm for a month; a gigabyte of logs.
ALARM, LOGS_GB = 0.10, 0.50

# --- Azure ---
# An hour of a Flexible Server B1ms; a gigabyte of its disk for a month.
FLEXIBLE_HOUR, FLEXIBLE_GB = 0.0170, 0.115
# Flex Consumption: a gigabyte-second on demand and those of a month that are free, an execution.
FUNCTION_GB_SECOND, FREE_GB_SECONDS, EXECUTION = 0.000026, 100_000, 0.40 / 1_000_000
# A write of zone-redundant blobs, a gigabyte for a month; a write of the platform's own store.
BLOB_WRITE, BLOB_GB, PLATFORM_WRITE = 0.0625 / 10_000, 0.0245, 0.05 / 10_000
# A call of the vault; a private zone for a month.
VAULT_CALL, DNS_ZONE = 0.03 / 10_000, 0.50
