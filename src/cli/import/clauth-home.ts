// Reads an installation of Clauth, whole, and changes nothing in it. What is damaged stops everything, before anything is done.
import type { KeyObject } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { z } from 'zod'
import type { Secret } from '../../ground/secret.ts'
import { cliProblem } from '../problems.ts'
import { type AuditLook, lookAtAudit } from './clauth-audit.ts'
import { openEnvelope, vaultKey } from './clauth-envelope.ts'
import {
  type ClauthConfig,
  type ClauthCredential,
  type ClauthTokenSet,
  ConfigFile,
  type Envelope,
  type KeptGrant,
  type KeptSkillToken,
  RevocationsFile,
  ScopesFile,
  SkillAuthFile,
  TokenSetFile,
  TokenSets,
  Vault,
  VaultFile,
} from './clauth-formats.ts'
import { isMissing, readSource } from './read-source.ts'

export interface ClauthHome {
  readonly folder: string
  /** Names of files that are there. */
  readonly files: readonly string[]
  readonly config: ClauthConfig
  readonly credentials: ReadonlyMap<string, ClauthCredential>
  readonly tokenSets: ReadonlyMap<string, ClauthTokenSet>
  readonly grants: readonly KeptGrant[]
  readonly skillTokens: readonly KeptSkillToken[]
  /** How many sessions were ended before their time. */
  readonly revocations: number
  readonly audit: AuditLook | undefined
}

const known = ['vault.enc', 'scopes.json', 'skill-auth.json', 'oauth-tokens.json', 'session-revocations.json']
const others = ['config.json', 'identity-state.json', 'firewall.json', 'advisory-state.json', 'audit.ndjson']

/**
 * `ask` is called where something is sealed. Throws Problem `clauth_home_missing`, `clauth_file_damaged`,
 * `clauth_passphrase_wrong`, `file_unreadable`.
 */
export async function readClauthHome(named: string, ask: () => Promise<Secret>): Promise<ClauthHome> {
  const folder = resolve(named)
  const files = [...known, ...others].filter((name) => existsSync(join(folder, name)))
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true || files.length === 0) {
    throw cliProblem('clauth_home_missing', { detail: `${folder} holds none of Clauth's files.` })
  }
  const config = parsed(folder, 'config.json', ConfigFile) ?? {}
  // All that can be read without the passphrase is read before somebody is asked for it.
  const plain = {
    grants: parsed(folder, 'scopes.json', ScopesFile)?.grants ?? [],
    skillTokens: parsed(folder, 'skill-auth.json', SkillAuthFile)?.tokens ?? [],
    revocations: parsed(folder, 'session-revocations.json', RevocationsFile)?.revoked.length ?? 0,
    audit: files.includes('audit.ndjson') ? await lookAtAudit(join(folder, 'audit.ndjson')) : undefined,
  }
  return { folder, files, config, ...plain, ...(await sealedParts(folder, config, ask)) }
}

type SealedParts = Pick<ClauthHome, 'credentials' | 'tokenSets'>

async function sealedParts(folder: string, config: ClauthConfig, ask: () => Promise<Secret>): Promise<SealedParts> {
  const vault = parsed(folder, 'vault.enc', VaultFile)
  const sets = parsed(folder, 'oauth-tokens.json', TokenSetFile)
  const key = vault === undefined ? undefined : await keyOf(vault, config, ask)
  const credentials =
    vault === undefined || key === undefined ? {} : opened(folder, 'vault.enc', vault, key, Vault).credentials
  return { credentials: new Map(Object.entries(credentials)), tokenSets: setsIn(folder, sets, key) }
}

function setsIn(folder: string, sets: z.output<typeof TokenSetFile> | undefined, key: KeyObject | undefined) {
  if (sets === undefined) return new Map()
  if ('tokens' in sets) return new Map(Object.entries(sets.tokens))
  if (key === undefined) {
    throw damaged('oauth-tokens.json', 'is sealed with the key of vault.enc, which is not there')
  }
  return new Map(Object.entries(opened(folder, 'oauth-tokens.json', sets, key, TokenSets).tokens))
}

async function keyOf(
  vault: z.output<typeof VaultFile>,
  config: ClauthConfig,
  ask: () => Promise<Secret>,
): Promise<KeyObject> {
  const salt = vault.kdf.salt ?? config.vaultSalt
  if (salt === undefined) throw damaged('vault.enc', 'names no salt, and neither does config.json')
  const passphrase = await ask()
  const key = await vaultKey(passphrase, vault.kdf, salt)
  passphrase.wipe()
  if (openEnvelope(key, vault)?.fill(0) !== undefined) return key
  throw cliProblem('clauth_passphrase_wrong')
}

function opened<Shape extends z.ZodType>(
  folder: string,
  name: string,
  envelope: Envelope,
  key: KeyObject,
  shape: Shape,
): z.output<Shape> {
  const plain = openEnvelope(key, envelope)
  if (plain === undefined) throw damaged(name, 'does not open with the key of vault.enc: it was changed')
  const read = shaped(`${join(folder, name)}, opened,`, plain.toString('utf8'), shape)
  plain.fill(0)
  return read
}

function parsed<Shape extends z.ZodType>(folder: string, name: string, shape: Shape): z.output<Shape> | undefined {
  const path = join(folder, name)
  try {
    return shaped(path, readSource(path).text, shape)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** What stands there is never repeated; where it is wrong, is. */
function shaped<Shape extends z.ZodType>(what: string, text: string, shape: Shape): z.output<Shape> {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw damaged(what, 'is no JSON: it may have been cut off')
  }
  const read = shape.safeParse(json)
  if (read.success) return read.data
  const [issue] = read.error.issues
  const at = issue === undefined || issue.path.length === 0 ? 'at its top' : `at ${issue.path.join('.')}`
  throw damaged(what, `is not as Clauth writes it, ${at}`)
}

function damaged(what: string, why: string) {
  return cliProblem('clauth_file_damaged', { detail: `${what} ${why}.` })
}
