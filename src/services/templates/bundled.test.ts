import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { compileTemplate } from '../../ground/path-template.ts'
import { canonicalTarget } from '../../ground/target.ts'
import { templatesOverlap } from '../../ground/template-overlap.ts'
import { Coverage } from '../../policy/scope.ts'
import { checkTemplate } from '../check-template.ts'
import type { ServiceTemplate } from '../service-template.ts'
import { say, service } from '../services.support.ts'
import { findTemplate, templates } from './catalogue.ts'

const schemaFile = join(import.meta.dirname, '../../../docs/service-template.schema.json')
const published = z.fromJSONSchema(JSON.parse(readFileSync(schemaFile, 'utf8')))

const values = (template: ServiceTemplate) =>
  Object.fromEntries(Object.entries(template.variables ?? {}).map(([name, { example }]) => [name, example]))

const made = (name: string, as = name) =>
  service({ name: as, template: name, set: values(findTemplate(name)), origins: undefined })

/** A path of the template, every variable filled in. */
const filled = (path: string) => path.replace(/\{\+?[A-Za-z_]+(?::[a-z,]+)?\}/g, 'zz')

/** A target of the action: its path with a value for each variable, and the query that it is meant with. */
const targetOf = ({ path, query = {} }: ServiceTemplate['actions'][string]) => {
  const pairs = Object.entries(query).map(([key, value]) => `${key}=${[value].flat()[0]}`)
  return canonicalTarget(pairs.length === 0 ? filled(path) : `${filled(path)}?${pairs.join('&')}`)
}

/** Templates of what runs on the reader's own machine. */
const local = ['demo', 'ollama']

for (const template of templates) {
  const { name } = template
  const actions = Object.entries(template.actions)
  describe(`the template ${name}`, () => {
    const of = made(name)

    test('is one, by the schema that is published and by what only the whole can tell', () => {
      assert.deepEqual(checkTemplate(template).issues, [])
      assert.equal(published.safeParse(template).error, undefined)
    })

    test('names the page of each action, and says of which nobody has read it', () => {
      for (const [action, { page }] of actions) assert.ok(page !== undefined, action)
      assert.ok(template.probe === undefined || template.probe.page !== undefined)
    })

    test('resolves each of its actions to itself, and names it in full', () => {
      for (const [action, template] of actions) {
        const resolution = of.resolve(template.method, targetOf(template))
        assert.equal(resolution?.action, action)
        assert.ok(
          resolution?.required.every((scope) => scope.startsWith(`${name}:`)),
          action,
        )
        assert.ok(new Coverage(name, [`${name}:${action}`]).covers(resolution!), action)
      }
    })

    test('has no two actions that claim one call without one being the narrower', () => {
      for (const [one, left] of actions) {
        for (const [other, right] of actions) {
          if (one === other || left.method !== right.method) continue
          if (!templatesOverlap(compileTemplate(left.path), compileTemplate(right.path))) continue
          for (const target of [targetOf(left), targetOf(right)]) {
            assert.ok(of.resolve(left.method, target)?.action, `${one} ${other} ${target.path}`)
          }
        }
      }
    })

    test('gives its class scopes to its plain actions, and keeps the others apart', () => {
      for (const [action, template] of actions) {
        const { method, scopes, risk, class: own } = template
        const resolution = of.resolve(method, targetOf(template))!
        const verb = scopes[0]!.split(':')[2]!
        const byClass = ['read', 'write', 'delete'].filter((one) =>
          new Coverage(name, [`${name}:${one}`]).covers(resolution),
        )
        assert.deepEqual(byClass, ['read', 'write', 'delete'].includes(verb) ? [verb] : [], action)
        assert.equal(own, byClass[0], action)
        if (risk !== undefined) assert.equal(resolution.risk, risk)
      }
    })

    test('reaches nothing but https, unless it is on this machine', () => {
      const here = local.includes(name)
      assert.ok(here || of.origins.every(({ scheme, port }) => scheme === 'https' && port === 443))
      assert.equal(here, template.addresses !== undefined)
    })

    test('explains each scope that it lists', () => {
      for (const scope of of.scopes()) assert.ok(of.explainScope(scope).length > 0, scope)
    })
  })
}

describe('templates', () => {
  test('are as many as there are files', () => {
    const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.json'))
    assert.deepEqual(templates.map(({ name }) => `${name}.json`).sort(), files.sort())
  })

  test('x is another name of twitter', () => {
    assert.equal(findTemplate('x').name, 'twitter')
    assert.deepEqual(
      made('x').origins.map(({ host }) => host),
      ['api.x.com', 'api.twitter.com'],
    )
  })

  const injections: readonly [string, unknown][] = [
    ['github', { kind: 'bearer' }],
    ['openai', { kind: 'bearer' }],
    ['stripe', { kind: 'bearer' }],
    ['slack', { kind: 'bearer' }],
    ['google', { kind: 'bearer' }],
    ['twitter', { kind: 'bearer' }],
    ['demo', { kind: 'bearer' }],
    ['anthropic', { kind: 'header', name: 'x-api-key' }],
    ['gemini', { kind: 'header', name: 'x-goog-api-key' }],
    ['discord', { kind: 'template', name: 'authorization', template: 'Bot {secret}' }],
    ['shopify', { kind: 'header', name: 'x-shopify-access-token' }],
    ['gitlab', { kind: 'header', name: 'private-token' }],
    ['linear', { kind: 'header', name: 'authorization' }],
    ['twilio', { kind: 'basic' }],
    ['telegram', { kind: 'path', segment: 'bot{secret}', after: ['file'] }],
    ['aws', { kind: 'sigv4' }],
    ['ollama', undefined],
  ]
  for (const [name, injection] of injections) {
    test(`${name} takes its key as its provider wants it`, () => assert.deepEqual(made(name).injection, injection))
  }

  test('models may think for five minutes before the first byte', () => {
    for (const name of ['openai', 'anthropic', 'gemini']) assert.equal(made(name).timeouts.headersMs, 300_000)
    assert.equal(made('github').timeouts.headersMs, 30_000)
  })

  test('github has the 22 actions of the push workflow, with slashes in branches and paths either way', () => {
    const of = made('github')
    const rows: readonly [string, string][] = [
      ['GET /user/repos', 'repos.list: github:repos:read or github:read'],
      ['GET /repos/o/r', 'repo.get: github:repos:read or github:read'],
      ['GET /repos/o/r/contents/src/a.ts', 'contents.get: github:repos:read or github:read'],
      ['GET /repos/o/r/contents/src%2Fa.ts', 'contents.get: github:repos:read or github:read'],
      ['PUT /repos/o/r/contents/src/a.ts', 'contents.create_or_update: github:repos:write or github:write'],
      ['GET /repos/o/r/branches', 'branches.list: github:repos:read or github:read'],
      ['GET /repos/o/r/branches/feature/x', 'branches.get: github:repos:read or github:read'],
      ['GET /repos/o/r/git/ref/heads/feature/x', 'refs.get: github:git:read or github:read'],
      ['POST /repos/o/r/git/refs', 'refs.create: github:git:write or github:write'],
      ['PATCH /repos/o/r/git/refs/heads/feature%2Fx', 'refs.update: github:git:write or github:write'],
      ['GET /repos/o/r/commits', 'commits.list: github:git:read or github:read'],
      ['GET /repos/o/r/git/commits/abc', 'commits.get: github:git:read or github:read'],
      ['POST /repos/o/r/git/blobs', 'blobs.create: github:git:write or github:write'],
      ['POST /repos/o/r/git/trees', 'trees.create: github:git:write or github:write'],
      ['POST /repos/o/r/git/commits', 'git_commits.create: github:git:write or github:write'],
      ['GET /repos/o/r/issues', 'issues.list: github:issues:read or github:read'],
      ['GET /repos/o/r/issues/1', 'issues.get: github:issues:read or github:read'],
      ['POST /repos/o/r/issues', 'issues.create: github:issues:write or github:write'],
      ['GET /repos/o/r/pulls', 'pulls.list: github:prs:read or github:read'],
      ['GET /repos/o/r/pulls/1', 'pulls.get: github:prs:read or github:read'],
      ['POST /repos/o/r/pulls', 'pulls.create: github:prs:write or github:write'],
      ['PUT /repos/o/r/pulls/1/merge', 'pulls.merge: github:prs:write or github:write'],
      ['GET /repos/o/r/pulls/1/files', 'pulls.files: github:prs:read or github:read'],
      ['DELETE /repos/o/r', 'repo.delete: github:repos:admin'],
      ['GET /repos/o/r/branches/feature/x/protection', 'branch_protection.get: github:repos:admin'],
      ['GET /user/emails', 'user.emails: github:user:email'],
      ['GET /user/emails/', '-: github:read github:user:email'],
      ['GET /meta', '-: github:read'],
    ]
    for (const [request, expected] of rows) assert.equal(say(of, request), expected)
  })

  test('are there for every LLM vendor, each with the path that its clients leave out', () => {
    const vendors = templates.flatMap(({ llm }) => (llm === undefined ? [] : [[llm.vendor, llm.basePath] as const]))
    assert.equal(vendors.length, 22)
    assert.equal(new Set(vendors.map(([vendor]) => vendor)).size, 22)
    const base = Object.fromEntries(vendors)
    assert.deepEqual([base.openai, base.anthropic, base.google, base.groq], ['/v1', '', '/v1beta', '/openai/v1'])
    for (const { llm, name } of templates) {
      if (llm?.api !== 'openai-completions') continue
      const resolution = made(name).resolve('POST', canonicalTarget(`${llm.basePath}/chat/completions`))
      assert.equal(resolution?.action, 'chat.completions', name)
    }
    for (const { llm, origins, name } of templates) {
      // Who names no region means the first, which is the template's own.
      if (llm?.regions !== undefined) assert.equal(Object.values(llm.regions)[0], origins[0], name)
    }
  })

  test('say where tokens come from, with nothing of what is for people alone', () => {
    const { oauth, probe } = made('github').view
    assert.equal(oauth?.tokenUrl, 'https://github.com/login/oauth/access_token')
    assert.deepEqual(probe, { method: 'GET', path: '/user', pointer: '/login' })
    assert.deepEqual(Object.keys(oauth ?? {}).sort(), ['authorizationUrl', 'deviceUrl', 'issuer', 'tokenUrl'])
    for (const template of templates) assert.ok(template.oauth === undefined || template.oauth.page, template.name)
  })

  test('telegram judges its methods in whatever case they come, and takes no path with a token', () => {
    const of = made('telegram')
    assert.equal(say(of, 'POST /sendMessage'), 'sendMessage: telegram:messages:write or telegram:write')
    assert.equal(say(of, 'POST /BANCHATMEMBER'), '-: telegram:any:call telegram:chats:admin')
    assert.equal(say(of, 'GET /setChatPhoto'), 'any.get: telegram:any:call')
    assert.equal(say(of, 'GET /file/photos/a.jpg'), 'files.download: telegram:files:read or telegram:read')
    assert.equal(say(of, 'POST /bot1:x/sendMessage'), 'not allowed')
  })

  const WRITES = ['POST', 'PUT', 'PATCH', 'DELETE']

  for (const { name, actions } of templates) {
    // The demo is ours, and has nothing to administer.
    if (name === 'demo') continue
    test(`of ${name}, the class scopes change nothing that has no name`, () => {
      const of = made(name)
      const classes = ['read', 'write', 'delete'].map((one) => new Coverage(name, [`${name}:${one}`]))
      const named = Object.values(actions).flatMap(({ path }) => [`${filled(path)}/unnamed`, `${filled(path)}-unnamed`])
      for (const target of new Set(['/unnamed', '/unnamed/unnamed', ...named])) {
        for (const method of WRITES) {
          if (target.includes('//')) continue
          const resolution = of.resolve(method, canonicalTarget(target))
          const own = resolution?.action !== undefined && actions[resolution.action]?.class !== undefined
          const open = resolution !== undefined && classes.some((one) => one.covers(resolution))
          assert.ok(own || !open, `${method} ${target}`)
        }
      }
    })

    test(`of ${name}, the class scopes make no keys, invite nobody, register no webhooks, move no money`, () => {
      const kept =
        /^(?:api[_-]?keys?|keys|secrets?|(?:[a-z_]*access_|refresh_)?tokens?|invites?|invitations|(?:web)?hooks|members(?:hips)?|collaborators|transfers?|payouts|organizations?|permissions|roles|bans)$/i
      for (const [action, { method, path, class: own, risk }] of Object.entries(actions)) {
        const words = path.split('/').map((word) => word.replace(/\.json$/, ''))
        if (method === 'GET' || !words.some((word) => kept.test(word))) continue
        assert.ok(own === undefined && risk !== 'low', `${action}: ${method} ${path}`)
      }
    })
  }

  test('what shows keys of others is not among what may be read', () => {
    const rows: readonly [string, string, string][] = [
      ['twilio', 'GET /2010-04-01/Accounts.json', 'twilio:account:admin'],
      ['twilio', 'GET /2010-04-01/Accounts/AC1.json', 'twilio:account:admin'],
      ['discord', 'GET /api/v10/guilds/1/webhooks', 'discord:webhooks:admin'],
      ['discord', 'GET /api/v10/webhooks/1', 'discord:webhooks:admin'],
      ['shopify', 'GET /admin/api/2025-10/storefront_access_tokens.json', 'shopify:keys:admin'],
      ['openrouter', 'GET /api/v1/keys', 'openrouter:keys:admin'],
    ]
    for (const [name, request, scope] of rows) assert.ok(say(made(name), request).endsWith(`: ${scope}`), request)
  })

  test('what takes every operation by any method is opened whole or not at all', () => {
    for (const request of [
      'POST /',
      'GET /?Action=DeleteQueue',
      'GET /1234/queue?Action=DeleteMessage',
      'DELETE /2015-03-31/functions/f',
    ]) {
      assert.match(say(made('aws'), request), /^[a-z.]+: aws:api:any$/, request)
    }
    for (const request of ['POST /graphql', 'GET /graphql?query=x']) {
      assert.match(say(made('linear'), request), /^graphql\.[a-z]+: linear:graphql:any$/, request)
    }
  })

  test('what makes further keys is not among what may be written', () => {
    const rows: readonly [string, string, string][] = [
      ['gitlab', 'POST /api/v4/projects/g%2Fp/access_tokens', 'gitlab:keys:admin'],
      ['gitlab', 'POST /api/v4/user/personal_access_tokens', 'gitlab:keys:admin'],
      ['github', 'POST /user/keys', 'github:keys:admin'],
      ['sendgrid', 'POST /v3/api_keys', 'sendgrid:keys:admin'],
      ['twilio', 'POST /2010-04-01/Accounts/AC1/Keys.json', 'twilio:keys:admin'],
      ['stripe', 'POST /v1/ephemeral_keys', 'stripe:keys:admin'],
      ['openai', 'POST /v1/realtime/client_secrets', 'openai:keys:admin'],
    ]
    for (const [name, request, scope] of rows) assert.ok(say(made(name), request).endsWith(`: ${scope}`), request)
  })

  test('S3 keeps apart what is in the bucket and what is done to it', () => {
    const of = made('aws-s3')
    assert.equal(say(of, 'GET /?list-type=2'), 'bucket.list: aws-s3:objects:read or aws-s3:read')
    assert.equal(say(of, 'PUT /a/b%20c'), 'objects.put: aws-s3:objects:write or aws-s3:write')
    assert.equal(say(of, 'PUT /a?acl'), 'objects.acl: aws-s3:bucket:admin')
    assert.equal(say(of, 'PUT /?policy'), 'bucket.change: aws-s3:bucket:admin')
    assert.equal(say(of, 'POST /?delete'), 'objects.delete_many: aws-s3:objects:delete or aws-s3:delete')
  })

  test('slack reads by POST with a scope to read', () => {
    assert.equal(say(made('slack'), 'POST /api/users.list'), 'users.list: slack:users:read or slack:read')
    assert.equal(say(made('slack'), 'GET /api/chat.delete'), 'chat.delete.get: slack:chat:delete or slack:delete')
    assert.equal(say(made('slack'), 'GET /api/admin.users.remove'), 'any.get: slack:any:call')
  })
})
