// What can be set, and where it comes from: the real environment, over --env-file, over `$CLAVIGER_HOME/env`.
// Invariant: a secret is never a setting; the settings of a process do not change while it runs.
// It refuses what it does not know in a file, and what it cannot read anywhere.
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { type EnvFile, readEnvFile } from './env-file.ts'
import {
  botmakerAdminListenOf,
  botmakerListenOf,
  clawgateContactOf,
  clawgateListenOf,
  clawgateOriginsOf,
  clawgatePasskeyOriginsOf,
  vaultListenOf,
} from './foreign-variables.ts'
import { logLevelOf } from './ground/log-level.ts'
import { problemsOf } from './ground/problem.ts'
import { listenerUrl } from './public-address.ts'
import {
  type SettingName,
  type Settings,
  settingDoc,
  settingDocs,
  settingNames,
  settingsSchema,
} from './settings-schema.ts'

export type { SettingName, Settings } from './settings-schema.ts'

const problem = problemsOf({
  setting_invalid: {
    status: 500,
    title: 'A setting cannot be used',
    hint: 'Correct the value named above; `claviger config` shows every setting and where its value comes from.',
  },
  setting_unsafe: {
    status: 500,
    title: 'A setting would make this gateway unsafe',
    hint: 'Tokens would cross the network in clear. Set CLAVIGER_TLS_CERT and CLAVIGER_TLS_KEY, listen on 127.0.0.1 behind a TLS proxy, or set CLAVIGER_UNSAFE_PLAIN_LISTEN=1.',
  },
})

export type SettingSource = 'environment' | 'env file' | 'home env file' | 'default'

export interface LoadedSettings {
  readonly settings: Settings
  readonly sources: Readonly<Record<SettingName, SettingSource>>
}

export interface SettingsInput {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Path given with --env-file. It must exist. */
  readonly envFile?: string | undefined
}

/** Reads all settings. Throws Problem `setting_invalid`, `setting_unsafe` or `env_file_invalid` (all exit 78). */
export function loadSettings(input: SettingsInput): Settings {
  return loadSettingsWithSources(input).settings
}

/** As `loadSettings`, and where each value came from. */
export function loadSettingsWithSources({ env, envFile }: SettingsInput): LoadedSettings {
  const given = envFile === undefined ? undefined : readEnvFile(resolve(envFile), { known: isSetting, required: true })
  const home = readSetting('home', pick('home', env, given, undefined), '').value as string
  const own = readEnvFile(join(home, 'env'), { known: (name) => isSetting(name) && name !== 'CLAVIGER_HOME' })
  const values: Record<string, unknown> = {}
  const sources: Record<string, SettingSource> = {}
  for (const name of settingNames) {
    const { value, source } = readSetting(name, pick(name, env, given, own), home)
    values[name] = value
    sources[name] = source
  }
  const settings = Object.freeze(values) as Settings
  refuseUnsafe(settings)
  refuseSharedAudience(settings)
  return { settings, sources: Object.freeze(sources) as LoadedSettings['sources'] }
}

/** Names in `env` that begin with CLAVIGER_ and mean nothing here: mostly typing errors, so `doctor` shows them. */
export function unknownVariables(env: SettingsInput['env']): string[] {
  return Object.keys(env).filter((name) => name.startsWith('CLAVIGER_') && !isSetting(name) && !cliVariables.has(name))
}

/** Variables that the command line reads from its environment. They are no settings: most of them are secrets. */
export const cliVariables: ReadonlyMap<string, string> = new Map([
  ['CLAVIGER_OPERATOR_TOKEN', 'Operator token for the commands that change things.'],
  ['CLAVIGER_OPERATOR_TOKEN_FILE', 'File that holds the operator token; used when CLAVIGER_OPERATOR_TOKEN is not set.'],
  ['CLAVIGER_TOKEN', 'Agent token for `claviger call`, and for `claviger explain` where no agent is named.'],
  ['CLAVIGER_TOKEN_FILE', 'File that holds the agent token; used when CLAVIGER_TOKEN is not set.'],
  ['CLAVIGER_INVITE', 'Invite for `claviger agent register`, from an operator.'],
  ['CLAVIGER_INVITE_FILE', 'File that holds the invite; used when CLAVIGER_INVITE is not set.'],
  [
    'CLAVIGER_AGENT',
    'Id of the agent for `claviger login` and `claviger agent key rotate`, where --agent is left out.',
  ],
  ['CLAVIGER_AGENT_KEY_FILE', 'Its private key, PKCS#8 PEM, where --key is left out.'],
  [
    'CLAVIGER_URL',
    'Gateway that `claviger call` and `claviger login` talk to; default CLAVIGER_PUBLIC_URL with CLAVIGER_TLS_CERT, else http://CLAVIGER_HOST:CLAVIGER_PORT.',
  ],
])

/** Path of the operators' socket. */
export function operatorSocket(settings: Pick<Settings, 'home'>): string {
  return join(settings.home, 'operator.sock')
}

function isSetting(name: string): boolean {
  return name === 'LOG_LEVEL' || name === 'DEBUG' || settingDocs().some((doc) => doc.env === name)
}

type Picked = { readonly text: string; readonly source: SettingSource }

function pick(
  name: SettingName,
  env: SettingsInput['env'],
  given: EnvFile | undefined,
  own: EnvFile | undefined,
): Picked {
  const doc = settingDoc(name)
  const layers = [
    [env, 'environment'],
    [given ?? {}, 'env file'],
    [own ?? {}, 'home env file'],
  ] as const
  for (const [layer, source] of layers) {
    const text = layer[doc.env] || otherName(name, layer)
    if (text) return { text, source }
  }
  return { text: doc.fallback, source: 'default' }
}

/** Names that settings have elsewhere, and that are understood here. */
function otherName(name: SettingName, layer: SettingsInput['env']): string | undefined {
  if (name === 'log') return logLevelOf(layer)
  if (name === 'botmakerListen') return botmakerListenOf(layer)
  if (name === 'botmakerAdminListen') return botmakerAdminListenOf(layer)
  if (name === 'clawgateListen') return clawgateListenOf(layer)
  if (name === 'clawgateOrigins') return clawgateOriginsOf(layer)
  if (name === 'pushContact') return clawgateContactOf(layer)
  if (name === 'clawgatePasskeyOrigins') return clawgatePasskeyOriginsOf(layer)
  return name === 'vaultListen' ? vaultListenOf(layer) : undefined
}

function readSetting(name: SettingName, picked: Picked, home: string): { value: unknown; source: SettingSource } {
  const text = picked.source === 'default' ? picked.text.replace('$CLAVIGER_HOME', () => home) : picked.text
  const parsed = settingsSchema.shape[name].safeParse(text)
  if (parsed.success) return { value: parsed.data, source: picked.source }
  const { env } = settingDoc(name)
  throw problem('setting_invalid', {
    detail: `${env} (from the ${picked.source}): ${parsed.error.issues[0]?.message ?? 'not understood'}.`,
  })
}

function refuseUnsafe(settings: Settings): void {
  const { tlsCert, tlsKey, tlsOcsp } = settings
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw problem('setting_invalid', { detail: 'CLAVIGER_TLS_CERT and CLAVIGER_TLS_KEY need each other.' })
  }
  if (tlsOcsp !== undefined && tlsCert === undefined) {
    throw problem('setting_invalid', { detail: 'CLAVIGER_TLS_OCSP: there is no CLAVIGER_TLS_CERT to staple it to.' })
  }
  if (!isLoopback(settings.host) && tlsCert === undefined && !settings.unsafePlainListen) {
    throw problem('setting_unsafe', { detail: 'CLAVIGER_HOST is not a loopback address.' })
  }
  const { hsmModule, hsmTokenLabel, hsmPinFile } = settings
  const hsm = [hsmModule, hsmTokenLabel || undefined, hsmPinFile].filter((part) => part !== undefined)
  if (hsm.length % 3 !== 0) {
    throw problem('setting_invalid', {
      detail: 'CLAVIGER_HSM_MODULE, CLAVIGER_HSM_TOKEN_LABEL and CLAVIGER_HSM_PIN_FILE need each other.',
    })
  }
  if (settings.witnessFile?.startsWith(`${settings.home}/`)) {
    throw problem('setting_invalid', {
      detail: 'CLAVIGER_WITNESS_FILE lies inside the home.',
      hint: 'A witness inside the home is rewritten along with it. Choose a path on another disk.',
    })
  }
  // sun_path holds 108 bytes, the last of them NUL; a longer path is cut silently by some systems.
  if (Buffer.byteLength(operatorSocket(settings)) > 107) {
    throw problem('setting_invalid', {
      detail: 'CLAVIGER_HOME: the path is too long for a unix socket in it.',
      hint: 'Choose a home whose path has at most 93 bytes.',
    })
  }
}

/** Tokens of the gateway itself are for its issuer: a door's token for that audience would be one of them. */
function refuseSharedAudience(settings: Settings): void {
  const issuers = [listenerUrl(settings), ...(settings.publicUrl === undefined ? [] : [settings.publicUrl])]
  const given = settings.vaultAudience.toLowerCase().replace(/\/+$/, '')
  if (!issuers.some((issuer) => issuer.toLowerCase() === given)) return
  throw problem('setting_invalid', {
    detail: 'VAULT_AUDIENCE is the address of this gateway, which is the audience of its own tokens.',
    hint: 'Choose a name that nothing else has, or leave VAULT_AUDIENCE out.',
  })
}

/** Whether only this machine reaches `host`: 127.0.0.0/8, ::1 or `localhost`. */
export function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.')
  return host === '::1' || host === 'localhost'
}
