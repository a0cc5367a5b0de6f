// Handles with an OAuth token set, at the Clauth door: renewed by the gateway, once, and at the provider's place alone.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ClauthWorld } from './instruments/clauth-world.ts'
import { asOperator } from './instruments/command-line.ts'
import { TokenEndpoint } from './instruments/token-endpoint.ts'

let world: ClauthWorld
let tokens: TokenEndpoint
before(async () => {
  tokens = await TokenEndpoint.start()
  const env = { NODE_EXTRA_CA_CERTS: tokens.authority.cert }
  world = await ClauthWorld.start({ env, service: { oauth: { tokenUrl: tokens.url } } })
  world.upstream.on('guarded', (request, response) => {
    const good = tokens.knows(String(request.headers.authorization ?? '').replace(/^Bearer /, ''))
    response.writeHead(good ? 200 : 401, { 'content-type': 'text/plain' }).end(good ? 'hello' : 'who are you?')
  })
})
after(async () => {
  await world[Symbol.asyncDispose]()
  await tokens[Symbol.asyncDispose]()
})

const call = () => world.proxy({ credentialHandle: 'account', endpoint: world.url('/guarded') })
const statusOf = async () => ((await call()).json() as { status: number }).status

function connect(handle: string, more: object, code = 0) {
  const { kind: _, expiresAt, ...set } = tokens.issue()
  const path = join(world.gateway.folder, `${handle}.json`)
  writeFileSync(path, JSON.stringify({ ...set, expiresAt: new Date(expiresAt).toISOString(), ...more }), {
    mode: 0o600,
  })
  return asOperator(world.gateway, `connection add ${handle} --service github --oauth-set ${path}`, code)
}

describe('a handle with a token set', () => {
  test('is renewed once when 30 calls are refused at the same time, and each is made again (CL-10)', async () => {
    await connect('account', {})
    assert.equal(await statusOf(), 200)
    tokens.revokeAccess()
    tokens.requests.length = 0
    tokens.delayMs = 30
    const answers = await Promise.all(Array.from({ length: 30 }, statusOf))
    tokens.delayMs = 0
    assert.deepEqual([...new Set(answers)], [200])
    assert.equal(tokens.requests.length, 1)
  })

  test('is refused with a token endpoint by plain http, or of another host (CL-11)', async () => {
    for (const tokenUrl of ['http://127.0.0.1:9/token', 'https://example.com/token']) {
      const { stderr } = await connect('other', { tokenUrl }, 1)
      assert.match(stderr, /token_url_refused/)
    }
  })
})
