// Imports that ask the service, through the gate, whose each secret is.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { runs } from './instruments/command-line.ts'
import { Gateway } from './instruments/gateway.ts'
import { plain } from './instruments/planted-secrets.ts'
import { RecordingUpstream } from './instruments/recording-upstream.ts'
import { loopback } from './instruments/world.ts'

describe('claviger import --verify', () => {
  const folder = mkdtempSync(join(tmpdir(), 'claviger-verify-'))
  const good = `${plain}-good`
  let gateway: Gateway
  let upstream: RecordingUpstream
  before(async () => {
    gateway = await Gateway.start()
    upstream = await RecordingUpstream.start()
    upstream.on('who', (request, response) => {
      const known = request.headers.authorization === `Bearer ${good}`
      response.writeHead(known ? 200 : 401, { 'content-type': 'application/json' })
      response.end(JSON.stringify(known ? { user: { login: 'octo' } } : { error: 'bad' }))
    })
    upstream.on('says-no', (_, response) => void response.writeHead(200).end('{"ok":false}'))
    upstream.on('broken', (_, response) => void response.writeHead(503).end())
    const shared = { origins: [upstream.origin], addresses: loopback, injection: { kind: 'bearer' } }
    const probe = (path: string) => ({ probe: { method: 'GET', path, pointer: '/user/login' } })
    for (const [name, more] of [
      ['tickets', probe('/who')],
      ['chatty', probe('/says-no')],
      ['down', probe('/broken')],
      ['silent', {}],
    ] as const)
      await gateway.does('POST', '/services', { name, ...shared, ...more })
  })
  after(async () => {
    await gateway[Symbol.asyncDispose]()
    await upstream.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const run = (line: string, code = 0) =>
    runs(
      line,
      { CLAVIGER_HOME: gateway.home, CLAVIGER_OPERATOR_TOKEN: gateway.operatorToken, CLAVIGER_URL: gateway.url },
      code,
    )

  test('keeps what works, leaves what is refused, and says what nobody can say', async () => {
    const path = join(folder, '.env')
    const lines = [
      `TICKETS_TOKEN=${good}`,
      `TICKETS_OLD_TOKEN=${plain}-old`,
      `CHATTY_TOKEN=${plain}-chatty`,
      `DOWN_TOKEN=${plain}-down`,
      `SILENT_TOKEN=${plain}-silent`,
    ]
    writeFileSync(path, lines.join('\n'))
    const told = JSON.parse((await run(`import env ${path} --write --verify --json`)).stdout)
    const rows = told.secrets.map((one: Record<string, string>) => [one.place, one.action, one.verified ?? one.why])
    assert.deepEqual(rows, [
      ['TICKETS_TOKEN', 'stored', 'works, as octo'],
      ['TICKETS_OLD_TOKEN', 'stays', 'the service refuses it (401)'],
      ['CHATTY_TOKEN', 'stays', 'the service answers, and names nobody'],
      ['DOWN_TOKEN', 'stored', 'not verified: the service answered 503'],
      ['SILENT_TOKEN', 'stored', 'not verified: the service has no probe that says whose a credential is'],
    ])
    const text = readFileSync(path, 'utf8').split('\n')
    assert.deepEqual([text[1], text[2]], [lines[1], lines[2]])
    for (const at of [0, 3, 4]) assert.match(text[at] ?? '', /^# claviger: /)
    const { items } = await gateway.does<{ items: { handle: string }[] }>('GET', '/credentials')
    const handles = items.map(({ handle }) => handle).filter((handle) => handle !== 'demo-key')
    assert.deepEqual(handles, ['down-token', 'silent-token', 'tickets-token'])

    // Through the gate, on record, and with nothing left that could call again.
    const { stdout } = await run('audit tail --type intent --json')
    assert.equal(stdout.match(/"\/who"/g)?.length, 2)
    assert.ok(!stdout.includes(plain))
    for (const list of ['grants', 'tokens']) {
      const path = `/${list}?agent=credential-check`
      const { items: left } = await gateway.does<{ items: { status: string }[] }>('GET', path)
      assert.ok(left.length > 0 && left.every(({ status }) => status !== 'active'), list)
    }
  })

  test('is not for a dry run', async () => {
    assert.match((await run(`import env ${join(folder, '.env')} --verify`, 64)).stderr, /--verify wants --write/)
  })
})
