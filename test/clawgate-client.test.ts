// A client of ClawGate as it is, at a listener that is the door's own: every documented endpoint, one after the other.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Authenticator } from './instruments/authenticator.ts'
import { Gateway } from './instruments/gateway.ts'
import { PushService } from './instruments/push-service.ts'
import { send } from './instruments/send.ts'

type Json = Record<string, string>

test('a client that knows the documented endpoints finds all 21 at the door’s own listener', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-client-'))
  const socketPath = join(folder, 'clawgate.sock')
  await using service = await PushService.start()
  const env = { CLAVIGER_DEMO: 'off', CLAVIGER_CLAWGATE_REGISTRATION: 'open', CLAVIGER_LIMIT_PEOPLE: 'off' }
  await using gateway = await Gateway.start({
    env: { ...env, CLAVIGER_CLAWGATE_LISTEN: `unix:${socketPath}` },
  })
  const origin = gateway.ready.operators as string
  const asked = new Set<string>()
  const ask = async (line: string, token?: string, body?: object, wanted = 200): Promise<Json> => {
    const [method = '', path = ''] = line.split(' ')
    asked.add(`${method} ${path.replace(/\/(?:apr|tok|pky)_\w+/, '/:id').replace(/\?.*/, '')}`)
    const headers = { host: 'localhost', 'content-type': 'application/json' }
    const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const sent = { socketPath, method, path, headers: { ...headers, ...bearer } }
    const reply = await send({ ...sent, body: body && JSON.stringify(body) })
    assert.equal(reply.status, wanted, `${line} ${reply.text()}`)
    return reply.json() as Json
  }
  assert.equal((await ask('GET /health')).status, 'ok')
  const email = 'mia@example.com'
  const { token: unproved } = await ask('POST /api/v1/auth/register', undefined, { email }, 201)
  const { code } = await gateway.does<Json>('POST', `/clawgate/people/${encodeURIComponent(email)}/code`)
  const { token: fresh } = await ask('POST /api/v1/auth/verify-email', unproved, { code })
  const [phone, key] = [new Authenticator(), new Authenticator()]
  const enrols = async (authenticator: Authenticator, token: string | undefined) => {
    const options = await ask('POST /api/v1/passkey/register/start', token)
    const made = authenticator.create(options as never, origin)
    return ask('POST /api/v1/passkey/register/complete', token, made, 201)
  }
  const signsIn = async (about: object = { email }) => {
    const options = await ask('POST /api/v1/passkey/authenticate/start', undefined, about)
    return phone.get(options as never, origin)
  }
  assert.equal((await enrols(phone, fresh)).recoveryCodes?.length, 10)
  const { token } = await ask('POST /api/v1/passkey/authenticate/complete', undefined, await signsIn())
  const { user } = (await ask('GET /api/v1/auth/me', token)) as unknown as { user: Json }
  assert.equal(user.email, email)
  const { id: second } = await enrols(key, token)
  assert.equal(((await ask('GET /api/v1/passkey', token)).passkeys as unknown as object[]).length, 2)
  await ask(`DELETE /api/v1/passkey/${second}`, token)

  const made = await ask('POST /api/v1/auth/api-keys', token, { name: 'laptop', agentId: 'my-agent' }, 201)
  const { publicKey = '' } = await ask('GET /api/v1/push/vapid-key', token)
  const { subscription } = await service.subscribe(publicKey)
  // Members are reached at known services alone; ended before there is anything to tell.
  const known = { ...subscription, endpoint: 'https://updates.push.services.mozilla.com/wpush/v2/abc' }
  await ask('POST /api/v1/push/subscribe', token, known, 201)
  await ask('POST /api/v1/push/unsubscribe', token, known)
  const request = { action: 'shell.exec', context: { tool: 'exec', params: { command: 'ls' } } }
  const waits = async () => (await ask('POST /api/v1/approval/request', made.key, request, 201)).requestId as string
  const [one, other] = [await waits(), await waits()]
  assert.equal((await ask(`GET /api/v1/approval/status/${one}`, made.key)).status, 'PENDING')
  assert.equal(((await ask('GET /api/v1/approval/pending', token)).requests as unknown as object[]).length, 2)
  await ask(`POST /api/v1/approval/approve/${one}`, undefined, await signsIn({ approvalId: one }))
  await ask(`POST /api/v1/approval/deny/${other}`, token, { reason: 'no' })
  const { status, token: proof } = await ask(`GET /api/v1/approval/status/${one}?wait=1`, made.key)
  assert.equal(status, 'APPROVED')
  assert.equal(String((await ask('POST /api/v1/approval/verify-token', undefined, { token: proof })).valid), 'true')
  const history = await ask('GET /api/v1/approval/history?status=DENIED', token)
  assert.equal((history.requests as unknown as object[]).length, 1)
  assert.equal(((await ask('GET /api/v1/auth/api-keys', token)).apiKeys as unknown as object[]).length, 1)
  await ask(`DELETE /api/v1/auth/api-keys/${made.id}`, token)
  // The documented ones, and two of those that stand beside them.
  assert.equal(asked.size, 21 + 2, [...asked].sort().join('\n'))
  rmSync(folder, { recursive: true, force: true })
})
