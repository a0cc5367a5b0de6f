// Reads an installation of agentic-credential-vault, whole, and changes nothing in it (its contract, §3 and §5).
import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { z } from 'zod'
import { type JsonValue, parseStrictJson } from '../../ground/strict-json.ts'
import { cliProblem } from '../problems.ts'
import { assignmentsIn } from './find-in-env.ts'
import { isMissing, readSource } from './read-source.ts'
import { lookAtLog, type VaultLog } from './vault-log.ts'
import { type DotEnvValue, MASTER, masterSecrets, type VaultSecrets } from './vault-secrets.ts'

export type VaultForm = { readonly [name: string]: JsonValue }

/** A service as it stands in a file; `why` where it cannot be understood. */
export interface FoundForm {
  readonly name: string
  readonly from: string
  readonly form?: VaultForm
  readonly why?: string
}

const Text = z.string().min(1).max(256)
const List = z.array(Text).default([])
const Revocations = z.object({ jti: List, sessions: List, tasks: List, agents: List })
export type VaultRevocations = z.output<typeof Revocations>

export interface VaultHome {
  readonly folder: string
  readonly forms: readonly FoundForm[]
  readonly revocations: VaultRevocations
  readonly secrets: VaultSecrets
  readonly log: VaultLog | undefined
  /** `secrets.enc` is there. */
  readonly sealed: boolean
  /** Names of variables of `.env` that mean something at a start of the gateway, or did there. */
  readonly settings: readonly string[]
}

type Env = Readonly<Record<string, string | undefined>>

/** What is in the environment goes before what the folder's `.env` says. Throws Problem `vault_home_missing`, `vault_file_damaged`. */
export async function readVaultHome(named: string, env: Env): Promise<VaultHome> {
  const folder = resolve(named)
  const dotEnv = variablesOf(join(folder, '.env'))
  const said = (name: string) => env[name] || dotEnv.get(name)?.value
  const place = (name: string, usual: string) => resolve(folder, said(name) ?? usual)
  const services = place('VAULT_SERVICES_DIR', 'config/services')
  const policy = place('VAULT_POLICY_PATH', 'config/policy.json')
  const data = place('VAULT_DATA_DIR', 'data')
  if (![services, policy, data].some(existsSync)) {
    throw cliProblem('vault_home_missing', { detail: `${folder} holds neither config nor data of one.` })
  }
  const forms = serviceFiles(services)
  return {
    folder,
    forms: [...forms, ...legacyForms(policy, new Set(forms.map(({ name }) => name)))],
    revocations: revocationsIn(join(data, 'revocations.json')),
    secrets: masterSecrets(env[MASTER], dotEnv.get(MASTER)),
    log: await lookAtLog(join(data, 'audit.log.jsonl')),
    sealed: existsSync(join(data, 'secrets.enc')),
    settings: [...dotEnv.keys()].filter((name) => SETTINGS.has(name)),
  }
}

const SETTINGS = new Set(['PORT', 'VAULT_ADMIN_TOKEN', 'VAULT_AUDIENCE', 'VAULT_SIGNING_KEY', 'VAULT_ENCRYPTION_KEY'])

/** Of two lines with one name the later holds. */
function variablesOf(path: string): ReadonlyMap<string, DotEnvValue> {
  const text = textOf(path)
  return new Map(text === undefined ? [] : assignmentsIn(text).map((one) => [one.name, one]))
}

function serviceFiles(folder: string): FoundForm[] {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return []
  const names = readdirSync(folder).filter((name) => name.endsWith('.json') && !name.startsWith('.'))
  return names.sort().map((file): FoundForm => {
    const [name, from] = [basename(file, '.json'), join(folder, file)]
    try {
      const form = jsonOf(from)
      return isObject(form) ? { name, from, form } : { name, from, why: 'its file holds no object' }
    } catch {
      return { name, from, why: 'its file cannot be read as JSON' }
    }
  })
}

/** A service that has a file of its own is described there; the legacy file is older. */
function legacyForms(path: string, known: ReadonlySet<string>): FoundForm[] {
  const read = wholeJson(path)
  if (read === undefined) return []
  if (!isObject(read) || !isObject(read.services)) throw damaged(path, 'has no services')
  return Object.entries(read.services)
    .filter(([name]) => !known.has(name))
    .map(([name, form]) => (isObject(form) ? { name, from: path, form } : { name, from: path, why: 'it is no object' }))
}

/** What was taken away there must not come back here, so that a file that is not understood stops everything. */
function revocationsIn(path: string): VaultRevocations {
  const read = Revocations.safeParse(wholeJson(path) ?? {})
  if (read.success) return read.data
  throw damaged(path, `is not as it is written there, at ${read.error.issues[0]?.path.join('.') || 'its top'}`)
}

function wholeJson(path: string): JsonValue | undefined {
  try {
    return existsSync(path) ? jsonOf(path) : undefined
  } catch {
    throw damaged(path, 'cannot be read as JSON: it may have been cut off')
  }
}

function jsonOf(path: string): JsonValue {
  return parseStrictJson(readSource(path).bytes)
}

function textOf(path: string): string | undefined {
  try {
    return readSource(path).text
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

const isObject = (value: JsonValue | undefined): value is VaultForm =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function damaged(path: string, why: string) {
  return cliProblem('vault_file_damaged', { detail: `${path} ${why}.` })
}
