import { Pool } from 'undici'
import { ADMIN_TOKEN, type Gateway } from './claviger.ts'
import { postScript as script } from './post-script.ts'
import { type Plan, type Ratio, ratioOf, rounds } from './rounds.ts'
import { CREDENTIAL, type Subject } from './subject.ts'

const CONNECTIONS = 32
const SKILL = 'bench-skill'
/** Each has a rate of its own, and the most that a grant may have is less than what is measured here. */
const SCOPES = ['items:read', 'items:get', 'items:list']
const MOST_RPM = 100_000

/** A call through a door to the native explicit call, in the same rounds. */
export interface DoorRatios {
  readonly clauth: Ratio
  readonly agentvault: Ratio
}

/** What the dialects of others cost beyond the native call that also comes as JSON. */
export async function doors(gateway: Gateway, upstreamPort: number, plan: Plan): Promise<DoorRatios> {
  const kept = await rounds(await subjects(gateway, upstreamPort), CONNECTIONS, plan)
  const failed = kept.flatMap((round) => Object.entries(round)).find(([, sample]) => sample.failed > 0)
  if (failed !== undefined) throw new Error(`bench: ${failed[0]}: ${failed[1].failed} calls failed`)
  return {
    clauth: ratioOf(kept, 'clauth', 'explicit call'),
    agentvault: ratioOf(kept, 'agentvault', 'explicit call'),
  }
}

async function subjects(gateway: Gateway, upstreamPort: number): Promise<readonly Subject[]> {
  const { origin } = new URL(gateway.url)
  const json = 'Content-Type: application/json'
  const body = (service: string) => JSON.stringify({ service, method: 'GET', path: '/v1/items' })
  const native = { ...gateway.explicitCall, name: 'explicit call', script: script(gateway, 'native', [body('items')]) }
  const clauth: Subject = {
    ...native,
    name: 'clauth',
    url: `${origin}/clauth/v1/proxy`,
    headers: [json, `x-clauth-skill-token: ${await skillToken(gateway)}`],
    script: script(
      gateway,
      'clauth',
      SCOPES.map((scope) => JSON.stringify(proxied(scope, upstreamPort))),
    ),
  }
  const token = await vaultToken(gateway, origin, upstreamPort)
  const action = JSON.stringify({ token, service: 'vaulted', action: 'items.list' })
  const agentvault: Subject = {
    ...native,
    name: 'agentvault',
    url: `${origin}/vault.call`,
    headers: [json],
    script: script(gateway, 'agentvault', [action]),
  }
  return [native, clauth, agentvault]
}

const proxied = (scope: string, upstreamPort: number) => ({
  skillId: SKILL,
  provider: 'items',
  credentialHandle: 'items-key',
  scope,
  method: 'GET',
  endpoint: `http://127.0.0.1:${upstreamPort}/v1/items`,
  headers: {},
})

async function skillToken({ operator }: Gateway): Promise<string> {
  for (const scope of SCOPES) {
    const grant = { skillId: SKILL, provider: 'items', scope, rateLimitPerMinute: MOST_RPM, handles: ['items-key'] }
    await operator('POST', '/clauth/grants', grant)
  }
  return String((await operator('POST', '/clauth/skill-tokens', { skillId: SKILL })).token)
}

async function vaultToken({ operator }: Gateway, origin: string, upstreamPort: number): Promise<string> {
  const client = new Pool(origin)
  const ask = async (path: string, token: string, body: object) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
    const answer = await client.request({ method: 'POST', path, headers, body: JSON.stringify(body) })
    const json = (await answer.body.json()) as Record<string, unknown>
    if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode} ${JSON.stringify(json)}`)
    return json
  }
  await operator('POST', '/agents', { name: 'vault-agent' })
  const agent = String((await operator('POST', '/tokens', { agent: 'vault-agent' })).token)
  await ask('/vault.admin.addService', ADMIN_TOKEN, {
    service: 'vaulted',
    baseUrl: `http://127.0.0.1:${upstreamPort}`,
    secretRef: 'vaulted-key',
    masterSecret: CREDENTIAL,
    allowedAgents: ['vault-agent'],
    allowedActions: ['issue', 'items.list'],
    allowedScopes: ['vaulted:items:read'],
    endpoints: { 'items.list': { method: 'GET', path: '/v1/items', requiredScope: ['vaulted:items:read'] } },
  })
  const issued = await ask('/vault.issueToken', agent, { service: 'vaulted', scope: ['vaulted:items:read'], ttl: 900 })
  await client.close()
  return String(issued.token)
}
