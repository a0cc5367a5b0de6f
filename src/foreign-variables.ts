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

/** Of ClawGate, by which an environment is known to be its own: the others are names of other programs too. */
const clawgateOwn: readonly string[] = ['WEBAUTHN_RP_ID', 'WEBAUTHN_RP_ORIGIN', 'WEBAUTHN_RP_NAME']
/** Pages have a name of their own, tokens are signed with rotating keys, and the vault has the key of hashes. */
const clawgateWithoutMeaning: readonly string[] = ['WEBAUTHN_RP_NAME', 'DATABASE_URL', 'JWT_SECRET', 'API_KEY_SECRET']
export const VAPID_PUBLIC = 'VAPID_PUBLIC_KEY'
export const VAPID_PRIVATE = 'VAPID_PRIVATE_KEY'
/** Besides those whose names say it: it holds a password. */
export const CLAWGATE_DATABASE = 'DATABASE_URL'

/** An object, reference → secret: what agentic-credential-vault had before it had a store. */
export const MASTER_SECRETS = 'MASTER_SECRETS_JSON'

/** Of BotMaker's proxy: an environment with both of these is its own. Other programs have such names too. */
const botmakerOwn: readonly (readonly string[])[] = [
  ['MASTER_KEY', 'MASTER_KEY_FILE'],
  ['ADMIN_TOKEN', 'ADMIN_TOKEN_FILE'],
]
/** The vault has its own key, and the database of before is brought over (`claviger import botmaker`). */
const botmakerWithoutMeaning: readonly string[] = ['MASTER_KEY', 'MASTER_KEY_FILE', 'DB_PATH']
const isBotMakers = (env: Env) => botmakerOwn.every((names) => names.some((name) => env[name]))

/** Where the LLM gateway listens for bots that know BotMaker's port. */
export const botmakerListenOf = (env: Env): string | undefined => botmakerPort(env, env.DATA_PORT ?? '9101')

/** The same for its administration. */
export const botmakerAdminListenOf = (env: Env): string | undefined => botmakerPort(env, env.ADMIN_PORT ?? '9100')

function botmakerPort(env: Env, port: string): string | undefined {
  return isBotMakers(env) && /^[1-9][0-9]{0,4}$/.test(port) ? `127.0.0.1:${port}` : undefined
}

/** Names of variables in `env` that these systems understood and this gateway does not. */
export function withoutMeaning(env: Env): string[] {
  const clauth = Object.keys(env).filter((name) => name.startsWith('CLAUTH_') && !understood.has(name))
  const clawgate = isClawGates(env) ? clawgateWithoutMeaning : []
  const botmaker = isBotMakers(env) ? botmakerWithoutMeaning : []
  return [
    ...clauth.sort(),
    ...[...vaultWithoutMeaning, ...clawgate, ...botmaker].filter((name) => env[name] !== undefined),
  ]
}

const isClawGates = (env: Env) => clawgateOwn.some((name) => env[name])

/**
 * Where `PORT` says that the vault's door listens, for clients that know that port. So common a name counts only beside one
 * of that system's own, and not where it is the agents' port.
 */
export function vaultListenOf(env: Env): string | undefined {
  return isVaults(env) ? portOf(env) : undefined
}

/** The same for the ClawGate door; the vault's comes first. */
export function clawgateListenOf(env: Env): string | undefined {
  return isClawGates(env) && !isVaults(env) ? portOf(env) : undefined
}

/** Pages that may use the door: what it called CORS_ORIGINS. */
export const clawgateOriginsOf = (env: Env): string | undefined => (isClawGates(env) ? env.CORS_ORIGINS : undefined)

/** Whom push services may write to. */
export const clawgateContactOf = (env: Env): string | undefined => (isClawGates(env) ? env.VAPID_SUBJECT : undefined)

/** What pushes were signed with. */
export function vapidOf(env: Env): { readonly privateKey: string; readonly publicKey: string | undefined } | undefined {
  const { [VAPID_PRIVATE]: privateKey, [VAPID_PUBLIC]: publicKey } = env
  return isClawGates(env) && privateKey
    ? { privateKey, publicKey: publicKey?.replace(/=+$/, '') || undefined }
    : undefined
}

/** Pages where passkeys are used; WEBAUTHN_RP_ID is the name that they are good for. */
export function clawgatePasskeyOriginsOf({ WEBAUTHN_RP_ORIGIN = '', WEBAUTHN_RP_ID = '' }: Env): string | undefined {
  const origins = WEBAUTHN_RP_ORIGIN.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]))
  const name = WEBAUTHN_RP_ID === '' ? '' : `=${WEBAUTHN_RP_ID}`
  return origins.length === 0 ? undefined : origins.map((origin) => `${origin}${name}`).join(',')
}

const isVaults = (env: Env) => ['VAULT_ADMIN_TOKEN', MASTER_SECRETS, ...vaultWithoutMeaning].some((name) => env[name])

function portOf({ PORT = '', CLAVIGER_PORT = '4317' }: Env): string | undefined {
  return /^[1-9][0-9]{0,4}$/.test(PORT) && PORT !== CLAVIGER_PORT ? `127.0.0.1:${PORT}` : undefined
}
