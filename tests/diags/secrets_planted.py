"""Twenty kinds of secrets as they lie about on hosts. Made up; each has its own word, by which it is looked for."""

from typing import NamedTuple


class Planted(NamedTuple):
    """A line that holds a secret, and what of it must not be seen."""

    kind: str
    line: str
    secret: str


_B64 = "c2VjcmV0LWtleS1tYXRlcmlhbC0wMDE"

LINES = (
    Planted("user information of a URL", "fetching https://admin:Hunter2Url@registry.example/v2/", "Hunter2Url"),
    Planted("a password with a slash and an @", "proxy http://u:Hun/ter2@Slash@proxy:3128", "ter2@Slash"),
    Planted("an assignment in the environment", "ETCD_PASSWORD=Hunter2Env", "Hunter2Env"),
    Planted("a quoted assignment", 'db_password = "Hunter2 Quoted"', "2 Quoted"),
    Planted("YAML", "  password: Hunter2Yaml", "Hunter2Yaml"),
    Planted("JSON", '{"clientSecret": "Hunter2Json"}', "Hunter2Json"),
    Planted("a flag with an equals sign", "etcdctl --password=Hunter2Flag get", "Hunter2Flag"),
    Planted("a flag and the next word", "registry login --password Hunter2Next x", "Hunter2Next"),
    Planted("a user with a password", "etcdctl --user root:Hunter2User get /", "Hunter2User"),
    Planted("a bearer token", "Authorization: Bearer Hunter2BearerToken", "Hunter2BearerToken"),
    Planted("basic authentication", "authorization: Basic SHVudGVyMkJhc2lj", "SHVudGVyMkJhc2lj"),
    Planted("a cookie", "Set-Cookie: session=Hunter2Cookie; Path=/", "Hunter2Cookie"),
    Planted("a JSON web token", "saw eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.Hunter2Jwt today", "Hunter2Jwt"),
    Planted("a key of AWS", "using AKIAHUNTER2HUNTER2AB for s3", "AKIAHUNTER2HUNTER2AB"),
    Planted("a secret key of AWS", f"aws_secret_access_key = {_B64}Aws", f"{_B64}Aws"),
    Planted("a token of GitHub", "cloned with ghp_Hunter2GitHubHunter2GitHub0000000000", "ghp_Hunter2GitHub"),
    Planted("a token of Slack", "posted by xoxb-123456789012-Hunter2Slack", "Hunter2Slack"),
    Planted("a key of WireGuard", f"PrivateKey = {_B64}Wg=", f"{_B64}Wg"),
    Planted("a password of BIRD", 'password "Hunter2Bird";', "Hunter2Bird"),
    Planted("a hash of crypt(5)", "root:$6$salt$Hunter2CryptHashHunter2:19000:0:::", "Hunter2CryptHash"),
    Planted("a certificate and key in base64", f"client-key-data: LS0tLS1CRUdJTi{_B64}", f"LS0tLS1CRUdJTi{_B64}"),
    Planted("a connection string", "Server=db;Uid=x;Pwd=Hunter2Conn;", "Hunter2Conn"),
    Planted("a signed URL", "GET /blob?sv=1&access_token=Hunter2Query&x=1", "Hunter2Query"),
)

BLOCKS = (
    Planted(
        "a private key",
        "before\n-----BEGIN RSA PRIVATE KEY-----\nMIIHunter2Pem\nxyz\n-----END RSA PRIVATE KEY-----\nafter",
        "MIIHunter2Pem",
    ),
    Planted(
        "a key of OpenSSH that was cut off",
        "before\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzHunter2Ssh\n",
        "b3BlbnNzHunter2Ssh",
    ),
    Planted(
        "a key of PGP",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQHunter2Pgp\n-----END PGP PRIVATE KEY BLOCK-----\n",
        "lQHunter2Pgp",
    ),
)

ALL = LINES + BLOCKS
