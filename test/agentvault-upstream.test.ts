// What the vault's door waits for, and what its templates send (AV-13, AV-17).
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Gateway } from './instruments/gateway.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import {
  asAdmin,
  call,
  done,
  mirror,
  refusedWith,
  serviceForm,
  VaultAgent,
  vaultEnv,
} from './instruments/vault-client.ts'

const SECRET = 'sk-live-0123456789abcdef'
let gateway: Gateway
let upstream: RecordingUpstream
let tony: VaultAgent
before(async () => {
  upstream = await RecordingUpstream.start()
  upstream.on('v', mirror)
  upstream.on('hang', () => {})
  upstream.on('stall', (_, response) => void response.writeHead(200).write('begun'))
  gateway = await Gateway.start({ env: vaultEnv })
  tony = await VaultAgent.add(gateway, 'tony')
})
after(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.close()
})

test('AV-17 a service waits 30 s for a connection and 120 s for what comes, and a call ends with what its service waits', async () => {
  const READ = ['slow:data:read']
  const form = serviceForm('slow', upstream.origin, { masterSecret: SECRET })
  const more = Object.fromEntries(
    ['hang', 'stall'].map((name) => [name, { method: 'GET', path: `/${name}`, requiredScope: READ }]),
  )
  const allowedActions = [...form.allowedActions, 'hang', 'stall']
  done(await asAdmin(gateway, 'addService', { ...form, allowedActions, endpoints: { ...form.endpoints, ...more } }))
  const view = await gateway.does('GET', '/services/slow')
  assert.deepEqual(view.timeouts, { connectMs: 30_000, headersMs: 120_000, idleMs: 120_000 })
  const { token } = await tony.issue('slow', READ)
  const { name, origins, injection, paths, addresses } = view
  const actions = Object.fromEntries(['hang', 'stall'].map((path) => [path, { method: 'GET', path: `/${path}` }]))
  const timeouts = { connectMs: 1_000, headersMs: 200, idleMs: 200 }
  await gateway.does('PUT', '/services/slow', { name, origins, injection, paths, addresses, actions, timeouts })
  for (const action of ['hang', 'stall'])
    refusedWith(await call(gateway, { token, service: 'slow', action }), 'fetch failed')
})

test('AV-13 a template sends its headers and its secret where they belong, after one loadTemplate', async () => {
  upstream.on('v1', mirror)
  const template = { template: 'anthropic', masterSecret: SECRET, baseUrl: upstream.origin }
  done(await asAdmin(gateway, 'loadTemplate', template))
  const { services } = done<{ services: { service: string; allowedScopes: string[] }[] }>(
    await asAdmin(gateway, 'listServices'),
  )
  const { allowedScopes } = services.find(({ service }) => service === 'anthropic')!
  const { token } = await tony.issue('anthropic', allowedScopes)
  const params = { model: 'm', max_tokens: 1, messages: [] }
  done(await call(gateway, { token, service: 'anthropic', action: 'messages.create', params }))
  const { headers } = upstream.receipts.at(-1)!
  assert.deepEqual([headers.get('x-api-key'), headers.get('authorization')], [[SECRET], undefined])
  assert.match(headers.get('anthropic-version')?.[0] ?? '', /^\d{4}-\d\d-\d\d$/)
})
