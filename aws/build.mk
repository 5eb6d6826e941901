# The package for AWS Lambda; the Makefile includes this. Other machines: ARGS="--architecture x86_64".
.PHONY: package-aws e2e-aws

package-aws: $(VENV)/.dev ## Build the AWS Lambda functions in build/aws; `sam deploy --guided` sends them
	$(BIN)/python -m tools.package_aws $(ARGS)

e2e-aws: $(VENV)/.dev ## Drive the pulumi command line against the packed functions; E2E_VERSIONS=all for every version
	$(BIN)/python -m tests.aws.serving env STACKHOLD_E2E_VERSIONS="$(E2E_VERSIONS)" $(BIN)/python -m pytest tests/e2e $(ARGS)
