import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { runSeed, seeded } from '../../test/generators/seeded.ts'
import { compileTemplate } from '../ground/path-template.ts'
import { canonicalTarget } from '../ground/target.ts'
import { Coverage } from '../policy/scope.ts'
import type { ActionInput } from './service-parts.ts'
import { say, service } from './services.support.ts'

describe('resolve()', () => {
  const plain = service()
  const rows: readonly [string, string][] = [
    ['GET /', '-: s:read'],
    ['HEAD /a/b/c', '-: s:read'],
    ['OPTIONS /a?x=1', '-: s:read'],
    ['POST /a', '-: s:write'],
    ['PUT /a/', '-: s:write'],
    ['PATCH /a', '-: s:write'],
    ['DELETE /a', '-: s:delete'],
    ['TRACE /a', 'not allowed'],
    ['CONNECT /a', 'not allowed'],
    ['get /a', 'not allowed'],
    ['PROPFIND /a', 'not allowed'],
    ['GET /a%2Fb', 'not allowed'],
    ['GET /a;b', 'not allowed'],
  ]
  for (const [request, expected] of rows) {
    test(`a service without actions: ${request} is ${expected}`, () => assert.equal(say(plain, request), expected))
  }

  const acting = service({
    actions: {
      'user.get': { method: 'GET', path: '/users/{id}' },
      'user.me': { method: 'GET', path: '/users/me', scopes: ['s:me:read'] },
      'user.keys': { method: 'GET', path: '/users/{id}/keys', scopes: ['s:keys:admin', 's:users:read'] },
      'search.run': { method: 'POST', path: '/search', class: 'read' },
      'note.read': { method: 'GET', path: '/notes/{id:encoded}', scopes: ['s:notes:read'], class: 'read' },
      'file.put': { method: 'PUT', path: '/files/{+path}', scopes: ['s:files:write'] },
      'file.lock': { method: 'PUT', path: '/files/{+path}/lock', scopes: ['s:files:lock'] },
      'model.run': { method: 'POST', path: '/models/{model}:run', scopes: ['s:models:run'] },
      'mode.set': { method: 'POST', path: '/mode', query: { to: ['on', 'off'] }, scopes: ['s:mode:set'] },
      'mode.any': { method: 'POST', path: '/mode', scopes: ['s:mode:any'] },
      purge: { method: 'DELETE', path: '/all', ask: true },
      head: { method: 'HEAD', path: '/status', scopes: ['s:status:head'] },
      status: { method: 'GET', path: '/status', scopes: ['s:status:get'] },
    },
  })
  const actions: readonly [string, string][] = [
    ['GET /users/7', 'user.get: s:read'],
    ['HEAD /users/7', 'user.get: s:read'],
    ['OPTIONS /users/7', '-: s:read'],
    ['DELETE /users/7', '-: s:delete'],
    ['GET /users/me', 'user.me: s:me:read'],
    ['HEAD /users/me', 'user.me: s:me:read'],
    ['GET /users/7/keys', 'user.keys: s:keys:admin s:users:read'],
    ['POST /search', 'search.run: s:read'],
    ['GET /notes/a%2Fb', 'note.read: s:notes:read or s:read'],
    ['GET /users/a%2Fb', 'not allowed'],
    ['PUT /files/a/b', 'file.put: s:files:write'],
    ['PUT /files/a/b/lock', 'file.lock: s:files:lock'],
    ['POST /models/x:run', 'model.run: s:models:run'],
    ['POST /models/x%3Arun', 'model.run: s:models:run'],
    ['POST /mode?to=on', 'mode.set: s:mode:set'],
    ['POST /mode?to=up', 'mode.any: s:mode:any'],
    ['POST /mode', 'mode.any: s:mode:any'],
    ['HEAD /status', 'head: s:status:head'],
    ['GET /status', 'status: s:status:get'],
    ['POST /status', '-: s:write'],
  ]
  for (const [request, expected] of actions) {
    test(`actions: ${request} is ${expected}`, () => assert.equal(say(acting, request), expected))
  }

  const near: readonly [string, string][] = [
    ['GET /users/me/', '-: s:read s:me:read'],
    ['GET /Users/Me', '-: s:read s:me:read'],
    ['GET /users/ME', '-: s:read s:me:read'],
    ['GET /users/7/KEYS/', '-: s:read s:keys:admin s:users:read'],
    ['POST /models/x:RUN', '-: s:write s:models:run'],
    ['PUT /files/a/LOCK', '-: s:files:write s:files:lock'],
    ['DELETE /ALL', '-: s:delete or s:delete'],
    ['POST /mode/?to=on', '-: s:write s:mode:set'],
    ['GET /users/7/', '-: s:read'],
  ]
  for (const [request, expected] of near) {
    test(`what only looks like a guarded action needs its scopes too: ${request} is ${expected}`, () => {
      assert.equal(say(acting, request), expected)
    })
  }

  test('a near miss asks a human where the action does', () => {
    assert.equal(acting.resolve('DELETE', canonicalTarget('/all/'))?.ask, 'passkey')
  })

  const tricks = ['to=on&to=off', 'to=on;to=off', 'to[]=off', 'TO=off', 'x=1%26to=off', 'to=on&_method=DELETE']
  const methods = [
    '_Method',
    '+_method',
    '%20_method',
    '.method',
    '[method',
    '_method[]',
    '$httpMethod',
    '%24httpmethod',
    '$method',
    '__method',
    'X-HTTP-Method-Override',
    'x_http_method_override',
    'method_override',
    'method',
    'Method[]',
    '$httpHeaders',
    '%24httpHeaders',
    '$ct',
    '%24ct',
    '_%EF%BD%8Dethod',
  ]
  for (const query of [...tricks, ...methods.map((name) => `to=on&${name}=DELETE`)]) {
    test(`refuses ?${query}`, () => {
      assert.throws(() => say(acting, `POST /mode?${query}`), { code: 'target_ambiguous' })
    })
  }

  test('leaves names alone that only look like a method', () => {
    for (const query of ['method=flickr.photos.search', 'method=POST', 'payment_method=delete', 'ct=1', 'headers=x'])
      assert.doesNotThrow(() => acting.resolve('POST', canonicalTarget(`/mode?to=on&${query}`)), query)
  })

  test('gives the same object for the same kind of call, so that what is known of it stays known', () => {
    for (const request of ['/users/7', '/users/me/', '/nothing']) {
      const once = acting.resolve('GET', canonicalTarget(request))
      assert.equal(acting.resolve('GET', canonicalTarget(request)), once)
    }
  })

  test('two actions that claim one call must both be granted', () => {
    const crossing = service({
      actions: {
        one: { method: 'GET', path: '/a/{x}/c', scopes: ['s:one:x'], risk: 'high' },
        two: { method: 'GET', path: '/a/b/{y}', scopes: ['s:two:x'] },
      },
    })
    assert.equal(say(crossing, 'GET /a/b/c'), '-: s:two:x s:one:x')
    assert.equal(crossing.resolve('GET', canonicalTarget('/a/b/c'))?.risk, 'high')
    assert.equal(say(crossing, 'GET /a/b/d'), 'two: s:two:x')
    assert.equal(say(crossing, 'GET /a/x/c'), 'one: s:one:x')
  })

  test('a class whose name an action has is reached by s:* alone', () => {
    const taken = service({ actions: { read: { method: 'GET', path: '/items' } } })
    assert.equal(say(taken, 'GET /items'), 'read: s:*')
    assert.equal(say(taken, 'GET /other'), '-: s:*')
    assert.deepEqual(taken.explainScope('s:read'), [{ methods: ['GET', 'HEAD'], path: '/items', action: 'read' }])
  })

  test('allows the stated paths only', () => {
    const narrow = service({
      paths: ['/v1/public/{+rest}', '/v1/items/{id}'],
      actions: { item: { method: 'GET', path: '/v1/items/{id:encoded}' } },
    })
    assert.equal(say(narrow, 'GET /v1/public/a'), '-: s:read')
    assert.equal(say(narrow, 'GET /v1/items/a%2Fb'), 'item: s:read')
    for (const path of ['/', '/v1/public/', '/v1/publicity', '/v1/items/a/b', '/v1/public/a%2Fb', '/V1/public/a']) {
      assert.equal(say(narrow, `GET ${path}`), 'not allowed', path)
    }
    assert.equal(say(narrow, 'POST /v1/items/a%2Fb'), 'not allowed')
  })
})

const part = ['a', 'b', '{x}', 'a{x}', '{x}b', '{x:encoded}']
const shapes = fc
  .array(fc.constantFrom(...part), { minLength: 1, maxLength: 3 })
  .chain((list) =>
    fc
      .constantFrom('', '/', '/{+r}')
      .map((end) => `/${list.map((one, at) => one.replace('x', `x${at}`)).join('/')}${end}`),
  )
const actionLists = fc.array(
  fc.record({
    method: fc.constantFrom('GET', 'HEAD', 'POST', 'DELETE'),
    path: shapes,
    scope: fc.constantFrom(undefined, 's:one:x', 's:two:x', 's:three:x'),
    risk: fc.constantFrom('low', 'medium', 'high'),
  }),
  { minLength: 1, maxLength: 8 },
)
const requests = fc
  .tuple(
    fc.constantFrom('GET', 'HEAD', 'POST', 'DELETE', 'TRACE'),
    fc.array(fc.constantFrom('a', 'b', 'ab', 'A', 'a%2Fb', 'c'), { maxLength: 4 }),
    fc.boolean(),
  )
  .map(
    ([method, list, slash]) =>
      [method, canonicalTarget(`/${list.join('/')}${slash && list.length > 0 ? '/' : ''}`)] as const,
  )

type Drawn = { method: string; path: string; scope: string | undefined; risk: string }
const asActions = (list: readonly Drawn[]) =>
  Object.fromEntries(
    list.map(({ method, path, scope, risk }, at) => [
      `a${at}`,
      { method, path, risk, ...(scope !== undefined && { scopes: [scope] }) } as ActionInput,
    ]),
  )
const compiled = (entries: Record<string, ActionInput>) => {
  try {
    return service({ actions: entries })
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'action_duplicate')
    return undefined
  }
}
const runs = { numRuns: process.env.PROVING === '1' ? 50_000 : 2_000 }

const byMethod: Record<string, string> = { GET: 's:read', HEAD: 's:read', POST: 's:write', DELETE: 's:delete' }

describe('resolve(), whatever the actions', () => {
  test('A-06: what a call requires follows from method and path alone, and no less than each matching action asks', () => {
    fc.assert(
      fc.property(actionLists, requests, (list, [method, target]) => {
        const of = compiled(asActions(list))
        const found = of?.resolve(method, target)
        if (of === undefined || found === undefined) return
        const twin = canonicalTarget(`${target.path}?scope=s:*&action=a0`)
        assert.equal(of.resolve(method, twin), found, 'the caller claims nothing')
        assert.ok(found.required.length > 0)
        if (method === 'DELETE') assert.ok(!new Coverage('s', ['s:read', 's:write']).covers(found))
        const named = list[Number(found.action?.slice(1))]
        if (found.action === undefined) return
        assert.ok(named?.method === method || (method === 'HEAD' && named?.method === 'GET'))
        assert.deepEqual(found.required, [named?.scope ?? byMethod[named?.method ?? '']])
      }),
      runs,
    )
  })

  test('A-07: the order in which actions are written changes nothing', () => {
    const random = seeded(runSeed('action order'))
    fc.assert(
      fc.property(actionLists, fc.array(requests, { minLength: 1, maxLength: 5 }), (list, calls) => {
        const entries = Object.entries(asActions(list))
        const one = compiled(Object.fromEntries(entries))
        const other = compiled(Object.fromEntries(random.shuffle(entries)))
        assert.equal(one === undefined, other === undefined)
        for (const [method, target] of calls) {
          const [left, right] = [one?.resolve(method, target), other?.resolve(method, target)]
          assert.deepEqual(
            right && { ...right, required: [...right.required].sort() },
            left && { ...left, required: [...left.required].sort() },
          )
        }
      }),
      runs,
    )
  })

  const words = fc.constantFrom('s:read', 's:write', 's:delete', 's:*', 's:one:x', 's:*:x', 's:a0', 's:a1')

  test('what a scope covers, explainScope() lists', () => {
    fc.assert(
      fc.property(actionLists, words, requests, (list, scope, [method, target]) => {
        const of = compiled(asActions(list))
        const resolution = of?.resolve(method, target)
        if (of === undefined || resolution === undefined) return
        const meanings = of.explainScope(scope)
        const listed = meanings.some(
          ({ methods, path, also }) =>
            also === undefined && methods.includes(method) && compileTemplate(path).matches(target),
        )
        if (new Coverage('s', [scope]).covers(resolution)) assert.ok(listed, `${scope} ${method} ${target.path}`)
        for (const { action, path } of meanings)
          if (action !== undefined) assert.equal(asActions(list)[action]?.path, path)
      }),
      runs,
    )
  })
})
