// OpenClaw's stores, of both generations: databases, which only OpenClaw writes, and the JSON files before them.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../../ground/problem.ts'
import { Secret } from '../../ground/secret.ts'
import type { Around } from './around.ts'
import { type Findings, type Found, lineAt, type Remark } from './found.ts'
import { parseJson5, stringsIn } from './json-values.ts'
import { nearestService, UNKNOWN } from './nearest-service.ts'
import type { OpenClawPlace } from './openclaw-place.ts'
import { type ProfileTarget, variableRef } from './openclaw-plan.ts'
import { type ProfileSecret, secretsInProfiles } from './openclaw-profiles.ts'
import { serviceOfProvider } from './openclaw-service.ts'
import { readTables } from './read-openclaw-store.ts'
import { isMissing, opaqueSource, readSource, type Source } from './read-source.ts'
import { isSecretValue } from './secret-looks.ts'

const BY_PLAN = 'in a database that OpenClaw alone writes: apply the plan'
const BY_PLAN_SHARED =
  'in a database that OpenClaw alone writes: the plan puts references into its agents’ stores and leaves this copy'
const LEFT_OAUTH = 'an OAuth sign-in, whose tokens change when they are used: it stays OpenClaw’s'

export interface StoreFindings extends Findings {
  readonly targets: ReadonlyMap<Found, readonly ProfileTarget[]>
}

/** Gathers what the parts find; a store that cannot be read is said, and the rest goes on. */
class Gathering {
  readonly found: Found[] = []
  readonly remarks: Remark[] = []
  readonly targets = new Map<Found, readonly ProfileTarget[]>()
  readonly around: Around

  constructor(around: Around) {
    this.around = around
  }

  async tried(file: string, work: () => void | Promise<void>): Promise<void> {
    if (!existsSync(file)) return
    try {
      await work()
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      if (!isMissing(error)) this.remarks.push({ file, why: error.detail ?? error.title, failed: true })
    }
  }

  /** Whether an agent has a profile of that name itself, which then goes before the shared one. */
  hasOwn(agentId: string, profile: string): boolean {
    return [...this.targets.values()].flat().some((target) => target.agentId === agentId && target.profile === profile)
  }

  /** A secret of a profile, at this place. Gives what was found, unless it is none. */
  profile(source: Source, secret: ProfileSecret, more: Partial<Found>): Found | undefined {
    const place = secret.path.join('.')
    if (secret.type === 'oauth') this.remarks.push({ file: source.path, place, why: LEFT_OAUTH })
    if (secret.value === undefined || !isSecretValue(secret.value)) return undefined
    const service = serviceOfProvider(secret.provider, this.around)
    const found = {
      source,
      place,
      line: 1,
      label: secret.profile,
      secret: Secret.fromText(secret.value),
      service,
      ...more,
    }
    this.found.push(found)
    return found
  }
}

export async function findInOpenClawStores(place: OpenClawPlace, around: Around): Promise<StoreFindings> {
  const all = new Gathering(around)
  for (const [agentId, folder] of place.agents) {
    const database = join(folder, 'openclaw-agent.sqlite')
    await all.tried(database, () => readAgent(database, agentId, all))
    for (const name of ['auth-profiles.json', 'auth.json'])
      await all.tried(join(folder, name), () => readOld(join(folder, name), name === 'auth-profiles.json', all))
  }
  const shared = join(place.state, 'state', 'openclaw.sqlite')
  await all.tried(shared, () => readShared(shared, [...place.agents.keys()], all))
  const oauth = join(place.credentials, 'oauth.json')
  await all.tried(oauth, () => readOld(oauth, false, all))
  noteUnread(place, all)
  return all
}

/** A secret of the shared store is in every agent's reach: a plan puts the reference into each agent's own store. */
function readShared(file: string, agents: readonly string[], all: Gathering): void {
  const source = opaqueSource(file)
  readTables(file, ({ rows }) => {
    for (const { state_key: key, value_json: json } of rows('config_machine_state', ['state_key', 'value_json']))
      if (key === 'authProfiles.store')
        profilesIn(source, json, agents.length > 0 ? agents : ['main'], BY_PLAN_SHARED, all)
    const columns = ['scope_kind', 'name', 'value', 'deleted_at_ms', 'allowed_hosts']
    for (const row of rows('secret_store_entries', columns)) storeEntry(source, row, all)
    for (const { store_key: key } of rows('mcp_oauth_stores', ['store_key']))
      all.remarks.push({ file, place: `mcp_oauth_stores ${key}`, why: LEFT_OAUTH })
    const devices = rows('device_auth_tokens', ['device_id']).length
    if (devices > 0)
      all.remarks.push({ file, place: 'device_auth_tokens', why: `${devices} device tokens of OpenClaw’s own` })
  })
}

function readAgent(file: string, agentId: string, all: Gathering): void {
  const source = opaqueSource(file)
  readTables(file, ({ rows }) => {
    for (const { store_json: json } of rows('auth_profile_store', ['store_key', 'store_json']))
      profilesIn(source, json, [agentId], BY_PLAN, all)
  })
}

function profilesIn(source: Source, json: unknown, agents: readonly string[], keeps: string, all: Gathering): void {
  for (const secret of secretsInProfiles(parsed(json))) {
    const found = all.profile(source, secret, { keeps, byVariable: true })
    const { profile, provider, type } = secret
    if (found === undefined || type === 'oauth') continue
    const own = agents.filter((agentId) => !all.hasOwn(agentId, profile))
    all.targets.set(
      found,
      own.map((agentId) => ({ agentId, profile, provider, type })),
    )
  }
}

/** An entry of the shared secret store. One that was deleted is still there for 30 days. */
function storeEntry(source: Source, row: Readonly<Record<string, unknown>>, all: Gathering): void {
  const { scope_kind: kind, name, value, deleted_at_ms: deleted, allowed_hosts: hosts } = row
  if (typeof name !== 'string' || typeof value !== 'string') return
  const place = `secret_store_entries ${name}`
  if (deleted !== null)
    return void all.remarks.push({ file: source.path, place, why: 'was deleted, and is still there for 30 days' })
  if (kind === 'identity') {
    const credential = (parsed(value) as { credential?: unknown } | undefined)?.credential
    for (const secret of secretsInProfiles(credential === undefined ? undefined : { profiles: { [name]: credential } }))
      all.profile(source, secret, { keeps: 'a personal account: take it out in OpenClaw' })
    return
  }
  if (!isSecretValue(value)) return
  const byHost = hostsIn(hosts)
    .map((host) => all.around.serviceAt(host))
    .find((service) => service !== UNKNOWN)
  const service = byHost ?? nearestService([name], all.around.names)
  const keeps = 'in OpenClaw’s own secret store: remove it there (openclaw secrets)'
  all.found.push({ source, place, line: 1, label: name, secret: Secret.fromText(value), service, keeps })
}

/** A JSON file of before. The long form takes references in its `key` and `token`. */
async function readOld(file: string, takesReferences: boolean, all: Gathering): Promise<void> {
  const source = readSource(file)
  const document = await parseJson5(source)
  const strings = new Map(stringsIn(document).map((one) => [one.path.join('\0'), one]))
  const { evaluate } = await import('@humanwhocodes/momoa')
  for (const secret of secretsInProfiles(evaluate(document))) {
    const at = strings.get(secret.path.join('\0'))
    const refers =
      takesReferences && ['key', 'token'].includes(secret.path.at(-1) ?? '') && secret.path[0] === 'profiles'
    const place = at === undefined ? {} : { line: lineAt(source.text, at.start) }
    const reference = (handle: string) => JSON.stringify(variableRef(handle))
    const rewrite: Found['rewrite'] = ({ handle }) => [
      { start: at?.start ?? 0, end: at?.end ?? 0, text: reference(handle) },
    ]
    const how =
      refers && at !== undefined
        ? { rewrite, byVariable: true as const }
        : { keeps: 'an older file that takes no reference here' }
    all.profile(source, secret, { ...place, ...how })
  }
}

/** Stores that are not opened. */
function noteUnread(place: OpenClawPlace, { remarks }: Gathering): void {
  const unread: [folder: string, why: string][] = [
    [join(place.credentials, 'auth-profiles'), LEFT_OAUTH],
    [join(place.credentials, 'whatsapp'), 'a channel’s session, which no gateway can stand in for'],
    [join(place.state, 'mcp-oauth'), LEFT_OAUTH],
    [join(place.state, 'identity', 'device-auth.json'), 'device tokens of OpenClaw’s own'],
    [join(place.state, 'exec-approvals.json'), 'may hold a token of OpenClaw’s own'],
  ]
  for (const [file, why] of unread) if (existsSync(file)) remarks.push({ file, why })
}

function hostsIn(value: unknown): string[] {
  const hosts = parsed(value)
  return Array.isArray(hosts) ? hosts.filter((host) => typeof host === 'string') : []
}

function parsed(json: unknown): unknown {
  try {
    return typeof json === 'string' ? JSON.parse(json) : undefined
  } catch {
    return undefined
  }
}
