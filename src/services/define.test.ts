import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ServiceInput } from './contract.ts'
import { service } from './services.support.ts'

const get = { method: 'GET', path: '/a' } as const

describe('a service is refused', () => {
  const refused: readonly [string, string, unknown][] = [
    ['without an origin', 'service_invalid', { origins: undefined }],
    ['with no origins', 'service_invalid', { origins: [] }],
    ['with an unknown member', 'service_invalid', { colour: 'red' }],
    ['with a name that is not a slug', 'service_invalid', { name: 'My Service' }],
    ['with a name that climbs', 'service_invalid', { name: '..' }],
    ['with a wrong type', 'service_invalid', { actions: [] }],
    ['with a template that is not there', 'service_template_unknown', { template: 'nope' }],
    ['with the same origin twice', 'service_invalid', { origins: ['https://a.example', 'https://A.example:443/'] }],
    ['with a path in the origin', 'origin_invalid', { origins: ['https://a.example/v1'] }],
    ['with a user in the origin', 'origin_invalid', { origins: ['https://u:p@a.example'] }],
    ['with a wildcard on a public suffix', 'origin_invalid', { origins: ['https://*.co.uk'] }],
    ['with a wildcard on a shared suffix', 'origin_invalid', { origins: ['https://*.github.io'] }],
    ['with a mail port', 'origin_invalid', { origins: ['https://a.example:25'] }],
    ['with the port of ssh', 'origin_invalid', { origins: ['https://a.example:22'] }],
    ['with the port of redis', 'origin_invalid', { origins: ['https://a.example:6379'] }],
    ['with plain http', 'origin_plain_http', { origins: ['http://a.example'] }],
    [
      'with plain http to a named private address',
      'origin_plain_http',
      { origins: ['http://10.1.2.3'], addresses: ['10.1.2.3'] },
    ],
    ['with loopback that is not named', 'origin_private', { origins: ['http://127.0.0.1:3000'] }],
    [
      'with another loopback than the named',
      'origin_private',
      { origins: ['http://127.0.0.2'], addresses: ['127.0.0.1'] },
    ],
    ['with a private address', 'origin_private', { origins: ['https://192.168.1.1'] }],
    ['with a metadata address', 'origin_private', { origins: ['http://169.254.169.254'], unsafePlainHttp: true }],
    ['with an IPv6 loopback', 'origin_private', { origins: ['https://[::1]'] }],
    ['with an address range that is none', 'address_range_invalid', { addresses: ['10.0.0.0/33'] }],
    ['with a path that is no template', 'template_invalid', { paths: ['/a/../b'] }],
    ['with an action that is no template', 'template_invalid', { actions: { a: { method: 'GET', path: 'x' } } }],
    ['with a method that is never sent', 'service_invalid', { actions: { a: { method: 'TRACE', path: '/a' } } }],
    ['with an action name with a colon', 'service_invalid', { actions: { 'a:b': get } }],
    ['with a scope of another service', 'service_invalid', { actions: { a: { ...get, scopes: ['t:a:read'] } } }],
    ['with a starred scope', 'service_invalid', { actions: { a: { ...get, scopes: ['s:*:read'] } } }],
    ['with a scope of one part', 'scope_invalid', { actions: { a: { ...get, scopes: ['read'] } } }],
    ['with one call in two actions', 'action_duplicate', { actions: { a: get, b: get } }],
    [
      'with one shape in two actions',
      'action_duplicate',
      { actions: { a: { ...get, path: '/{x}' }, b: { ...get, path: '/{y}' } } },
    ],
    ['with an action off the paths', 'action_unreachable', { paths: ['/b/{+x}'], actions: { a: get } }],
    [
      'with a template without secret',
      'service_invalid',
      { injection: { kind: 'template', name: 'a', template: 'Bot' } },
    ],
    [
      'with two secrets',
      'service_invalid',
      { injection: { kind: 'template', name: 'a', template: '{secret}{secret}' } },
    ],
    [
      'with a line break in the template',
      'service_invalid',
      { injection: { kind: 'template', name: 'a', template: '{secret}\r\nx: y' } },
    ],
    ['with Host as the key', 'service_invalid', { injection: { kind: 'header', name: 'Host' } }],
    ['with a hop-by-hop key', 'service_invalid', { injection: { kind: 'header', name: 'Connection' } }],
    ['with a length as the key', 'service_invalid', { injection: { kind: 'header', name: 'content-length' } }],
    ['with an underscore in the key', 'service_invalid', { injection: { kind: 'header', name: 'x_api_key' } }],
    ['with an odd query name', 'service_invalid', { injection: { kind: 'query', name: 'a&b' } }],
    ['with a colon in the user', 'service_invalid', { injection: { kind: 'basic', username: 'a:b' } }],
    ['with a limit of nothing', 'service_invalid', { timeouts: { headersMs: 0 } }],
  ]
  for (const [what, code, input] of refused) {
    test(what, () => assert.throws(() => service(input as ServiceInput), { code }))
  }

  for (const host of [
    'printer',
    'localhost',
    'nas.local',
    'db.internal',
    'x.localhost',
    'router.lan',
    'a.home.arpa',
    'b.corp',
    'c.home',
    'd.private',
    'e.intranet',
    'f.sub.local',
  ]) {
    test(`C-06: with ${host}, unless it names the addresses`, () => {
      assert.throws(() => service({ origins: [`https://${host}`] }), { code: 'origin_private' })
      assert.equal(service({ origins: [`https://${host}`], addresses: ['10.0.0.0/8'] }).origins[0]?.host, host)
    })
  }
})

describe('a service is described', () => {
  test('with everything stated that was left out', () => {
    const { view, timeouts, allowed, scrub, strictAudit, injection, plainQuery } = service()
    assert.deepEqual(view.paths, ['/', '/{+path}'])
    assert.deepEqual(timeouts, { connectMs: 5_000, headersMs: 30_000, idleMs: 120_000 })
    assert.deepEqual([allowed, scrub, strictAudit, injection, plainQuery.size], [undefined, true, false, undefined, 0])
  })

  test('with plain http on named loopback, or where it is unsafe by name', () => {
    assert.equal(
      service({ origins: ['http://127.0.0.1:3000'], addresses: ['127.0.0.1'] }).originHrefs[0],
      'http://127.0.0.1:3000',
    )
    assert.equal(service({ origins: ['http://localhost'], addresses: ['127.0.0.0/8'] }).origins[0]?.port, 80)
    assert.equal(service({ origins: ['http://[::1]:80'], addresses: ['::1'] }).origins[0]?.host, '[::1]')
    assert.equal(service({ origins: ['http://a.example'], unsafePlainHttp: true }).origins[0]?.scheme, 'http')
  })

  test('with its plain origins before its wildcards, and their names sorted for the seals', () => {
    const made = service({ origins: ['https://*.slack.com', 'https://slack.com', 'https://api.slack.com'] })
    assert.deepEqual(
      made.origins.map(({ host }) => host),
      ['slack.com', 'api.slack.com', '*.slack.com'],
    )
    assert.deepEqual([...made.originHrefs], [...made.originHrefs].sort())
  })

  test('from a template, with what is stated in the place of what the template says', () => {
    const made = service({
      name: 'work',
      template: 'github',
      origins: ['https://github.example'],
      timeouts: { idleMs: 1_000 },
    })
    assert.equal(made.originHrefs[0], 'https://github.example:443')
    assert.deepEqual(made.timeouts, { connectMs: 5_000, headersMs: 30_000, idleMs: 1_000 })
    assert.equal(made.view.actions['repo.get']?.scopes?.[0], 'work:repos:read')
    assert.equal(made.injection?.kind, 'bearer')
    assert.equal(service({ template: 'github', origins: undefined, injection: { kind: 'none' } }).injection, undefined)
  })

  test('with limits that are stated in part', () => {
    assert.deepEqual(service({ timeouts: { headersMs: 1, connectMs: undefined } }).timeouts, {
      connectMs: 5_000,
      headersMs: 1,
      idleMs: 120_000,
    })
  })
})
