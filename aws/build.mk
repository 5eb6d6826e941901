# The package for AWS Lambda; the Makefile includes this. Other machines: ARGS="--architecture x86_64".
.PHONY: package-aws

package-aws: $(VENV)/.dev ## Build the AWS Lambda functions in build/aws; `sam deploy --guided` sends them
	$(BIN)/python -m tools.package_aws $(ARGS)
