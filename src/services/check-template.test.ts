import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkTemplate } from './check-template.ts'
import { diffTemplate } from './diff-template.ts'
import type { ServiceTemplate } from './service-template.ts'
import { service } from './services.support.ts'

const good = {
  name: 'tickets',
  title: 'Tickets',
  docs: 'https://tickets.example.com/api',
  origins: ['https://tickets.example.com'],
  injection: { kind: 'header', name: 'x-api-key' },
  scopes: { 'tickets:ticket:read': 'Read tickets' },
  actions: { 'ticket.get': { method: 'GET', path: '/tickets/{id}', scopes: ['tickets:ticket:read'], class: 'read' } },
}
const withAction = (more: object) => ({
  ...good,
  actions: { 'ticket.get': { ...good.actions['ticket.get'], ...more } },
})

describe('checkTemplate()', () => {
  test('takes a template that says the least', () => assert.deepEqual(checkTemplate(good).issues, []))

  const refused: readonly [string, unknown, string][] = [
    ['what is no object', 'github', ''],
    ['a member that nobody knows', { ...good, colour: 'red' }, '/colour'],
    ['a member that is missing', { ...good, title: undefined }, '/title'],
    ['a page that is no address', { ...good, docs: 'README' }, '/docs'],
    ['an injection that is not there', { ...good, injection: { kind: 'cookie' } }, '/injection/kind'],
    ['an injection without its name', { ...good, injection: { kind: 'header' } }, '/injection/name'],
    ['a method that is never sent', withAction({ method: 'TRACE' }), '/actions/ticket.get/method'],
    ['an action without scopes', withAction({ scopes: [] }), '/actions/ticket.get/scopes'],
    ['an action that a human must confirm', withAction({ ask: true }), '/actions/ticket.get/ask'],
    [
      'a scope of another service',
      { ...withAction({ scopes: ['github:a:read'] }), scopes: {} },
      '/actions/ticket.get/scopes/0',
    ],
    [
      'a scope that is not explained',
      { ...withAction({ scopes: ['tickets:a:read'] }), scopes: {} },
      '/actions/ticket.get/scopes/0',
    ],
    ['a scope that nothing wants', { ...good, scopes: { ...good.scopes, 'tickets:b:c': 'x' } }, '/scopes/tickets:b:c'],
    ['a path that cannot be read', withAction({ path: '/a/../b' }), '/actions/ticket.get/path'],
    ['an origin in clear', { ...good, origins: ['http://tickets.example.com'] }, '/origins/0'],
    ['an origin with a variable that is not there', { ...good, origins: ['https://{shop}.example.com'] }, '/origins/0'],
    ['a variable that no origin holds', { ...good, variables: { a: { about: 'a', example: 'b' } } }, '/variables/a'],
    ['false for what nobody checked', withAction({ unverified: false }), '/actions/ticket.get/unverified'],
    [
      'a probe outside its paths',
      { ...good, paths: ['/tickets/{id}'], probe: { method: 'GET', path: '/me', pointer: '/id' } },
      '/probe/path',
    ],
    ['a pointer that is none', { ...good, probe: { method: 'GET', path: '/me', pointer: 'id' } }, '/probe/pointer'],
    ['a header that the gateway writes', { ...good, injection: { kind: 'header', name: 'Host' } }, '/injection'],
  ]
  for (const [what, value, at] of refused) {
    test(`names ${what}`, () => {
      const { issues, template } = checkTemplate(value)
      assert.equal(template, undefined)
      assert.deepEqual(
        issues.map((issue) => issue.at),
        [at],
        JSON.stringify(issues),
      )
      assert.ok(issues.every(({ wrong }) => wrong !== ''))
    })
  }

  test('names everything that is wrong at once', () => {
    const { issues } = checkTemplate({ ...withAction({ method: 'get', path: 7 }), title: '' })
    assert.deepEqual(issues.map(({ at }) => at).sort(), [
      '/actions/ticket.get/method',
      '/actions/ticket.get/path',
      '/title',
    ])
  })

  test('names what is wrong in shape beside what only the whole can tell', () => {
    const { issues } = checkTemplate({
      ...good,
      docs: undefined,
      origins: ['http://tickets.example.com', 'https://{region}.example.com', 'https://ok.example.com', 7],
      injection: { kind: 'header', name: 'host' },
      paths: ['/{+path}', 'a//b'],
      actions: {
        ...good.actions,
        'a/b': { method: 'GETT', path: '/x', scopes: ['tickets:ticket:read'] },
        'ticket.get2': { method: 'GETT', path: '/x', scopes: ['tickets:ticket:read'] },
        'ticket.put': { method: 'PUT', path: '/a/../b', scopes: ['other:ticket:read'] },
      },
      colour: 'red',
    })
    assert.deepEqual(issues.map(({ at }) => at).sort(), [
      '/actions/a~1b',
      '/actions/ticket.get2/method',
      '/actions/ticket.put/path',
      '/actions/ticket.put/scopes/0',
      '/colour',
      '/docs',
      '/origins/0',
      '/origins/1',
      '/origins/3',
      '/paths/1',
    ])
    // No word of the schema's own language.
    assert.ok(
      issues.every(({ wrong }) => !/undefined|Invalid|expected|received/.test(wrong)),
      JSON.stringify(issues),
    )
  })

  test('names two actions that mean the same calls, once each is sound by itself', () => {
    const twice = { ...good.actions, 'ticket.show': { ...good.actions['ticket.get'] } }
    assert.deepEqual(
      checkTemplate({ ...good, actions: twice }).issues.map(({ at, hint }) => [at, hint !== undefined]),
      [['/actions/ticket.show', true]],
    )
  })
})

describe('diffTemplate()', () => {
  const template = good as unknown as ServiceTemplate
  const made = (more: object) => {
    const {
      id: _,
      name: __,
      createdAt: ___,
      updatedAt: ____,
      ...definition
    } = service({
      name: 'work',
      template,
      origins: undefined,
      ...more,
    }).view
    return diffTemplate('work', definition, template)
  }

  test('finds nothing in a service that was made from it under another name', () => assert.deepEqual(made({}), []))

  test('names what was said otherwise, and what is there on one side alone', () => {
    const actions = {
      'ticket.get': { method: 'GET' as const, path: '/t/{id}', scopes: ['work:ticket:read'] },
      'ticket.put': { method: 'PUT' as const, path: '/t/{id}' },
    }
    assert.deepEqual(made({ origins: ['https://t.example.com'], actions, auditMode: 'strict' }), [
      { member: 'actions.ticket.get.class', service: undefined, template: '"read"' },
      { member: 'actions.ticket.get.path', service: '"/t/{id}"', template: '"/tickets/{id}"' },
      { member: 'actions.ticket.put.method', service: '"PUT"', template: undefined },
      { member: 'actions.ticket.put.path', service: '"/t/{id}"', template: undefined },
      { member: 'auditMode', service: '"strict"', template: undefined },
      { member: 'origins', service: '["https://t.example.com"]', template: '["https://tickets.example.com"]' },
    ])
  })

  test('takes a value of a variable for what the template says, and a foreign origin for another', () => {
    const shops = {
      ...template,
      origins: ['https://{shop}.example.com'],
      variables: { shop: { about: 'a', example: 'b' } },
    }
    const definitionOf = (origin: string) => {
      const {
        id: _,
        name: __,
        createdAt: ___,
        updatedAt: ____,
        ...rest
      } = service({ name: 'work', template: shops, origins: [origin] }).view
      return diffTemplate('work', rest, shops).map(({ member }) => member)
    }
    assert.deepEqual(definitionOf('https://acme.example.com'), [])
    assert.deepEqual(definitionOf('https://acme.evil.example'), ['origins'])
  })
})

describe('a template with variables', () => {
  const shop = (set?: Record<string, string>, origins?: string[]) => () =>
    service({ name: 'shop', template: 'shopify', origins, ...(set && { set }) })

  test('takes its values into the origin', () => {
    assert.deepEqual(shop({ shop: 'acme' })().originHrefs, ['https://acme.myshopify.com:443'])
    assert.deepEqual(shop(undefined, ['https://a.example'])().originHrefs, ['https://a.example:443'])
  })

  const refused: readonly [string, Record<string, string> | undefined][] = [
    ['no value', undefined],
    ['another value', { store: 'acme' }],
    ['a host of its own', { shop: 'evil.example/' }],
    ['a dot', { shop: 'evil.example' }],
    ['a user', { shop: 'x@evil' }],
    ['nothing', { shop: '' }],
    ['a wildcard', { shop: '*' }],
  ]
  for (const [what, set] of refused) {
    test(`refuses ${what}`, () => assert.throws(shop(set), { code: 'service_template_values' }))
  }
})
