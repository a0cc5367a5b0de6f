// Variables of the systems whose dialects are spoken here: which a start understands, and which mean nothing. Data and looks.
import { CLAUTH_ADMIN_TOKEN } from './clauth-settings.ts'

type Env = Readonly<Record<string, string | undefined>>

/** Settings of ours that keep their names, and secrets that a door or the vault takes. */
const understood: ReadonlySet<string> = new Set([
  CLAUTH_ADMIN_TOKEN,
  'CLAUTH_ALLOW_REMOTE',
  'CLAUTH_ALLOW_INSECURE_HTTP',
])

/** Of agentic-credential-vault. Other names that begin with VAULT_ belong to other programs. */
const vaultWithoutMeaning: readonly string[] = [
  'VAULT_SIGNING_KEY',
  'VAULT_ENCRYPTION_KEY',
  'VAULT_DATA_DIR',
  'VAULT_SERVICES_DIR',
  'VAULT_POLICY_PATH',
]

/** An object, reference → secret: what agentic-credential-vault had before it had a store. */
export const MASTER_SECRETS = 'MASTER_SECRETS_JSON'

/** Names of variables in `env` that these systems understood and this gateway does not. */
export function withoutMeaning(env: Env): string[] {
  const clauth = Object.keys(env).filter((name) => name.startsWith('CLAUTH_') && !understood.has(name))
  return [...clauth.sort(), ...vaultWithoutMeaning.filter((name) => env[name] !== undefined)]
}

/**
 * Where `PORT` says that the vault's door listens, for clients that know that port. So common a name counts only beside one
 * of that system's own, and not where it is the agents' port.
 */
export function vaultListenOf(env: Env): string | undefined {
  const own = ['VAULT_ADMIN_TOKEN', MASTER_SECRETS, ...vaultWithoutMeaning].some((name) => env[name])
  const { PORT = '', CLAVIGER_PORT = '4317' } = env
  return own && /^[1-9][0-9]{0,4}$/.test(PORT) && PORT !== CLAVIGER_PORT ? `127.0.0.1:${PORT}` : undefined
}
