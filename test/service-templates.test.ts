import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { asOperator, runs } from './instruments/command-line.ts'
import { type Furnished, furnish, loopback, type World, world } from './instruments/world.ts'

const folder = mkdtempSync(join(tmpdir(), 'claviger-templates-'))
after(() => rmSync(folder, { recursive: true }))

let around: World
before(async () => {
  around = await world()
})
after(() => around[Symbol.asyncDispose]())

const operator = (line: string, code = 0) => asOperator(around.gateway, line, code)
const json = async (line: string, code = 0) => JSON.parse((await operator(`${line} --json`, code)).stdout)
const file = (name: string, value: unknown) => {
  const path = join(folder, name)
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value))
  return path
}

const tickets = {
  name: 'tickets',
  title: 'Tickets',
  docs: 'https://tickets.example.com/api',
  origins: ['https://tickets.example.com'],
  injection: { kind: 'header', name: 'x-api-key' },
  scopes: { 'tickets:ticket:read': 'Read tickets' },
  actions: { 'ticket.get': { method: 'GET', path: '/tickets/{id}', scopes: ['tickets:ticket:read'], class: 'read' } },
}

describe('service templates on the command line', () => {
  test('are listed and shown without a gateway', async () => {
    const nowhere = { CLAVIGER_HOME: join(folder, 'none') }
    const listed = JSON.parse((await runs('service template list --json', nowhere)).stdout)
    const names = listed.items.map(({ name }: { name: string }) => name)
    for (const name of ['anthropic', 'github', 'openai', 'shopify', 'stripe']) assert.ok(names.includes(name), name)
    const shown = JSON.parse((await runs('service template show github --json', nowhere)).stdout)
    assert.deepEqual(shown.actions['contents.get'].scopes, ['github:repos:read'])
    assert.match((await runs('service template show x', nowhere)).stdout, /twitter/)
    await runs('service template show nope', nowhere, 1)
  })

  test('make services, under their own name or another, with the values they ask for', async () => {
    assert.equal((await json('service template load github')).template, 'github')
    const work = await json('service template load github --name work-github')
    assert.deepEqual(work.actions['repo.get'].scopes, ['work-github:repos:read'])
    await operator('service template load shopify', 1)
    const shop = await json('service template load shopify --set shop=acme')
    assert.deepEqual(shop.origins, ['https://acme.myshopify.com'])
    await operator('service template load github', 1)
    assert.equal((await json('service template load github --replace')).name, 'github')
  })

  test('are not there for a service that was described otherwise, which says so', async () => {
    await operator('service add described --origin https://own.example.com --inject bearer')
    assert.match(
      (await operator('service template diff described', 1)).stderr,
      /\[service_without_template\][\s\S]*--template/,
    )
    assert.match((await operator('service template diff nowhere', 1)).stderr, /\[service_unknown\]/)
    const listed = await operator('service list')
    assert.ok(listed.stdout.split('\n').every((line) => line.length < 200))
  })

  test('are what --preset named, and what `service add NAME` takes', async () => {
    assert.equal((await json('service add by-preset --preset stripe')).template, 'stripe')
    assert.equal((await json('service add by-template --template stripe')).template, 'stripe')
    assert.equal((await json('service add slack')).template, 'slack')
  })

  test('are validated from a file, with all that is wrong', async () => {
    assert.deepEqual(await json(`service template validate ${file('good.json', tickets)}`), {
      valid: true,
      name: 'tickets',
      actions: 1,
      unverified: 0,
    })
    const bad = file('bad.json', { ...tickets, injection: { kind: 'cookie' }, origins: [] })
    const { valid, issues } = await json(`service template validate ${bad}`, 1)
    assert.equal(valid, false)
    assert.deepEqual(issues.map(({ at }: { at: string }) => at).sort(), ['/injection/kind', '/origins'])
    await operator(`service template load ${bad}`, 1)
    const secret = file('secret.json', 'sk-canary-in-a-file')
    assert.ok(!(await operator(`service template validate ${secret}`, 1)).stderr.includes('canary'))
  })

  test('of one’s own are loaded and compared', async () => {
    const own = file('tickets.json', tickets)
    assert.equal((await json(`service template load ${own} --name own`)).template, 'tickets')
    assert.deepEqual((await json(`service template diff own --template ${own}`)).differences, [])
    const later = file('later.json', {
      ...tickets,
      actions: { 'ticket.get': { ...tickets.actions['ticket.get'], path: '/v2/tickets/{id}' } },
    })
    const { differences } = await json(`service template diff own --template ${later}`, 1)
    assert.deepEqual(
      differences.map(({ member }: { member: string }) => member),
      ['actions.ticket.get.path'],
    )
    await operator('service template diff described', 1)
    assert.deepEqual((await json('service template diff work-github')).differences, [])
  })

  test('have their schema at the gateway, for everybody', async () => {
    const reply = await around.gateway.agent('GET', '/claviger/v1/service-template.schema.json', {
      headers: { host: `127.0.0.1:${around.gateway.port}` },
    })
    assert.equal(reply.status, 200)
    assert.ok((reply.json() as { properties: object }).properties)
  })

  test('are listed, shown and compared by the API too', async () => {
    const { items } = await around.gateway.does<{ items: { name: string; unverified: number }[] }>(
      'GET',
      '/service-templates',
    )
    assert.ok(items.some(({ name, unverified }) => name === 'shopify' && unverified > 0))
    const shown = await around.gateway.does<{ name: string }>('GET', '/service-templates/x')
    assert.equal(shown.name, 'twitter')
  })
})

describe('a call by the name of an action', () => {
  let granted: Furnished
  before(async () => {
    granted = await furnish(around.gateway, {
      name: 'forge',
      origins: [around.upstream.origin],
      secret: around.oracle.canary('forge'),
      service: { template: 'github', addresses: loopback },
      grant: { scopes: ['forge:repos:read', 'forge:issues:write'] },
    })
  })

  const call = (body: object, token = granted.token) =>
    around.gateway.agent('POST', '/claviger/v1/call', {
      headers: {
        host: `127.0.0.1:${around.gateway.port}`,
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ service: 'forge', ...body }),
    })
  const last = () => around.upstream.receipts.at(-1)!

  test('fills the path, several segments where the action says so', async () => {
    const params = { owner: 'octo', repo: 'hello', path: 'src/a b.ts', ref: 'feature/x' }
    assert.equal((await call({ action: 'contents.get', params })).status, 200)
    assert.equal(last().url, '/repos/octo/hello/contents/src/a%20b.ts?ref=feature%2Fx')
    await call({ action: 'issues.create', params: { owner: 'o', repo: 'r', title: 't' } })
    assert.deepEqual([last().method, last().body.bytes.toString()], ['POST', '{"title":"t"}'])
  })

  test('is judged as what it comes down to', async () => {
    const before = around.upstream.receipts.length
    const denied = await call({ action: 'repo.delete', params: { owner: 'o', repo: 'r' } })
    assert.deepEqual([denied.status, denied.code], [403, 'scope_not_granted'])
    const climbing = await call({ action: 'contents.get', params: { owner: '..', repo: 'r', path: 'x' } })
    assert.deepEqual([climbing.status, climbing.code], [400, 'parameter_invalid'])
    const other = await call({ action: 'nope' })
    assert.deepEqual([other.status, other.code], [404, 'action_unknown'])
    const both = await call({ action: 'repo.get', method: 'GET', path: '/' })
    assert.deepEqual([both.status, both.code], [400, 'request_invalid'])
    assert.equal(around.upstream.receipts.length, before)
  })

  test('says nothing of services to those who have no grant there', async () => {
    await around.gateway.does('POST', '/agents', { name: 'stranger' })
    const { token } = await around.gateway.does<{ token: string }>('POST', '/tokens', { agent: 'stranger' })
    for (const body of [{ action: 'repo.get' }, { action: 'nope' }, { service: 'nothing', action: 'repo.get' }]) {
      const refused = await call(body, token)
      assert.deepEqual([refused.status, refused.code], [403, 'service_not_granted'])
    }
  })

  test('works from a shell', async () => {
    const line = 'call forge --action branches.get --param owner=o --param repo=r --param branch=feature/y'
    const { port, home } = around.gateway
    await runs(line, { CLAVIGER_HOME: home, CLAVIGER_PORT: String(port), CLAVIGER_TOKEN: granted.token })
    assert.equal(last().url, '/repos/o/r/branches/feature/y')
  })
})
