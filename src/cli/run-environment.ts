// What a command that goes through the gateway finds in its environment. Pure.
import { looksLikeCredential } from '../ground/looks-like-credential.ts'

export interface ProxyPlace {
  /** Of the agents' listener, with the token as user. */
  readonly proxy: string
  /** File with the certificate to trust, PEM. */
  readonly ca: string
  /** What is reached by way of the gateway although it is on this machine. */
  readonly hosts: readonly string[]
}

type Environment = Readonly<Record<string, string | undefined>>

/** Where HTTP clients look for their proxy; both spellings, because each is somebody's. */
const PROXY_NAMES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY']
/** Where they look for whom to trust: OpenSSL, Python, curl, Git, AWS, Deno, Cargo, gRPC; Node adds its own to these. */
const CA_NAMES = [
  ...['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'PIP_CERT', 'CURL_CA_BUNDLE', 'GIT_SSL_CAINFO', 'AWS_CA_BUNDLE'],
  ...['NODE_EXTRA_CA_CERTS', 'DENO_CERT', 'CARGO_HTTP_CAINFO', 'NPM_CONFIG_CAFILE', 'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH'],
]
const LOCAL = ['localhost', '127.0.0.1', '::1']

/** The names of the variables that hold a secret, by their name or by their value: the command is to see none. */
export function secretNames(env: Environment, kept: ReadonlySet<string>): string[] {
  const isSecret = (name: string, value: string) =>
    isNameOfSecret(name) || PASSWORD_IN_URL.test(value) || (!isPlace(value) && looksLikeCredential(value))
  return Object.entries(env)
    .filter(([name, value]) => value !== undefined && value !== '' && !kept.has(name) && isSecret(name, value))
    .map(([name]) => name)
    .sort()
}

/** The environment of the command, without `removed`. */
export function proxied(env: Environment, { proxy, ca, hosts }: ProxyPlace, removed: readonly string[]) {
  const own: Record<string, string | undefined> = { ...env }
  for (const name of removed) delete own[name]
  for (const name of PROXY_NAMES) {
    own[name] = proxy
    own[name.toLowerCase()] = proxy
  }
  // Servers that the command starts for itself are its own; what a service names goes through the gateway.
  const local = LOCAL.filter((host) => !hosts.includes(host) && !hosts.includes(`[${host}]`)).join(',')
  for (const name of CA_NAMES) own[name] = ca
  return { ...own, NO_PROXY: local, no_proxy: local, NODE_USE_ENV_PROXY: '1' }
}

function isNameOfSecret(name: string): boolean {
  if (/^CLAVIGER_(?:TOKEN|OPERATOR_TOKEN)/.test(name)) return true
  if (/(?:PASSWORD|PASSWD|PASSPHRASE|_PASS|_PWD)$/i.test(name)) return true
  return /(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|CREDENTIALS?|PAT|DSN)$/i.test(name)
}

/** As in the addresses of databases and of private registries; or a token where a user stands. */
const PASSWORD_IN_URL = /:\/\/(?:[^/?#@\s]*:[^/?#@\s]+|[^/?#@\s:]{16,})@/

/** A path or a plain address is no secret, however mixed its characters are. */
function isPlace(value: string): boolean {
  return /^(?:\.{0,2}\/|[a-z]+:\/\/[^@]*$)/.test(value) || value.includes(':/')
}
