//! The operations that are called, and the services that they belong to.

use oakum_inject::config::Address;

/// The partitions whose domain is not the usual one, by what their regions begin with
/// (<https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json>).
const PARTITIONS: &[(&str, &str)] = &[
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
];

/// A service of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Secrets Manager.
    SecretsManager,
    /// Systems Manager, of which we use the Parameter Store.
    Ssm,
    /// The Security Token Service.
    Sts,
}

impl Service {
    /// Gives its name in hosts, signatures and policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SecretsManager => "secretsmanager",
            Self::Ssm => "ssm",
            Self::Sts => "sts",
        }
    }

    /// Gives its host in a region. Some regions are of a partition that has a domain of its own.
    #[must_use]
    pub fn host(self, region: &str) -> String {
        let partition = PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix));
        format!("{}.{region}.{}", self.name(), partition.map_or("amazonaws.com", |(_, domain)| domain))
    }
}

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reads a secret.
    GetSecretValue,
    /// Tells which versions a secret has, and not what they hold.
    DescribeSecret,
    /// Reads a parameter.
    GetParameter,
    /// Reads the parameters below a path.
    GetParametersByPath,
    /// Gives credentials to the bearer of a token.
    AssumeRoleWithWebIdentity,
}

impl Operation {
    /// Gives the service that it belongs to.
    #[must_use]
    pub fn service(self) -> Service {
        match self {
            Self::GetSecretValue | Self::DescribeSecret => Service::SecretsManager,
            Self::GetParameter | Self::GetParametersByPath => Service::Ssm,
            Self::AssumeRoleWithWebIdentity => Service::Sts,
        }
    }

    /// Gives its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GetSecretValue => "GetSecretValue",
            Self::DescribeSecret => "DescribeSecret",
            Self::GetParameter => "GetParameter",
            Self::GetParametersByPath => "GetParametersByPath",
            Self::AssumeRoleWithWebIdentity => "AssumeRoleWithWebIdentity",
        }
    }

    /// Gives the action that a policy has to allow.
    #[must_use]
    pub fn action(self) -> String {
        format!("{}:{}", self.service().name(), self.name())
    }

    /// Gives the header `X-Amz-Target` of services that speak JSON.
    #[must_use]
    pub fn target(self) -> String {
        let prefix = match self.service() {
            Service::Ssm => "AmazonSSM",
            other => other.name(),
        };
        format!("{prefix}.{}", self.name())
    }
}

/// Gives the `Host` of a request: without the port where it is the scheme's own, as AWS signs it.
#[must_use]
pub fn host(address: &Address) -> String {
    let authority = address.authority();
    let usual = match address.scheme {
        oakum_inject::config::Scheme::Http => ":80",
        oakum_inject::config::Scheme::Https => ":443",
    };
    authority.strip_suffix(usual).map(str::to_owned).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use oakum_inject::config::PlainHttp;

    use super::*;

    #[test]
    fn hosts_are_those_of_aws() {
        assert_eq!(Service::SecretsManager.host("eu-west-1"), "secretsmanager.eu-west-1.amazonaws.com");
        assert_eq!(Service::Ssm.host("cn-north-1"), "ssm.cn-north-1.amazonaws.com.cn");
        assert_eq!(Service::Sts.host("eusc-de-east-1"), "sts.eusc-de-east-1.amazonaws.eu");
        assert_eq!(Service::Sts.host("us-gov-west-1"), "sts.us-gov-west-1.amazonaws.com");
        assert_eq!(Service::Sts.host("us-isob-east-1"), "sts.us-isob-east-1.sc2s.sgov.gov");
        for (address, expected) in [
            ("https://a.example.com", "a.example.com"),
            ("https://a.example.com:8443", "a.example.com:8443"),
            ("http://[::1]:5000", "[::1]:5000"),
            ("http://localhost", "localhost"),
        ] {
            assert_eq!(host(&Address::parse(address, PlainHttp::LoopbackOnly).unwrap()), expected);
        }
    }
}
