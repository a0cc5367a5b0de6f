/** Services that take their key in the path, and services whose requests are signed: what arrives, what comes back, what is kept. */
import assert from 'node:assert/strict'
import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { asOperator } from './instruments/command-line.ts'
import { furnish, loopback, type World, world } from './instruments/world.ts'

const AWS_SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const AWS = `AKIDEXAMPLE123456:${AWS_SECRET}`
const BOT = '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw'
const HMAC_KEY = 'a-key-that-signs-and-is-never-sent'

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

let around: World
let upstream: Server
let seen: Seen[] = []
const tokens: Record<string, string> = {}

/** Says back everything that it was sent: request line, headers, body. */
before(async () => {
  upstream = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (chunk) => parts.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const got = { method, url, headers, body: Buffer.concat(parts).toString() }
      seen.push(got)
      response.writeHead(200, { 'content-type': 'application/json', 'x-said': String(headers.authorization ?? url) })
      response.end(JSON.stringify(got))
    })
  })
  await new Promise<void>((done) => upstream.listen(0, '127.0.0.1', done))
  const origins = [`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`]
  around = await world()
  const services: Record<string, { secret: string; service: object }> = {
    aws: { secret: AWS, service: { injection: { kind: 'sigv4', region: 'eu-west-1', service: 'sqs' } } },
    bot: {
      secret: BOT,
      service: {
        injection: { kind: 'path', segment: 'bot{secret}', after: ['file'] },
        paths: ['/{method}', '/file/{+path}'],
      },
    },
    signed: {
      secret: `my-key:${HMAC_KEY}`,
      service: {
        injection: {
          kind: 'hmac',
          algorithm: 'sha512',
          encoding: 'base64',
          stringToSign: '{timestamp}\n{method}\n{path}\n{query}\n{body_sha256}',
          timestamp: 'milliseconds',
          headers: { 'X-Sign': 'v1={signature}', 'X-Time': '{timestamp}', 'X-Key-Id': '{key_id}' },
        },
      },
    },
  }
  for (const [name, { secret, service }] of Object.entries(services)) {
    const made = await furnish(around.gateway, { name, origins, secret, service: { addresses: loopback, ...service } })
    tokens[name] = made.token
  }
})
after(async () => {
  await around[Symbol.asyncDispose]()
  upstream.closeAllConnections()
  upstream.close()
})

const call = async (service: string, path: string, options: object = {}) => {
  seen = []
  return around.call(path, { service, token: tokens[service]!, ...options })
}
const records = async () => JSON.stringify(await around.gateway.does('GET', '/audit/records?limit=500'))
const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest()
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** The signature that AWS would make of what arrived, written down once more from its documentation. */
function awsSignature({ method, url, headers, body }: Seen): string {
  const [, scope = '', names = ''] =
    /Credential=[^/]+\/(.+), SignedHeaders=(.+), /.exec(String(headers.authorization)) ?? []
  const [path = '', query = ''] = url.split('?')
  const sorted = query.split('&').sort().join('&')
  const lines = names
    .split(';')
    .map((name) => `${name}:${headers[name]}\n`)
    .join('')
  const canonical = [method, path.replaceAll('%', '%25'), sorted, lines, names, sha256(body)].join('\n')
  const [day = '', region = '', service = ''] = scope.split('/')
  const key = hmac(hmac(hmac(hmac(`AWS4${AWS_SECRET}`, day), region), service), 'aws4_request')
  return hmac(key, ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(canonical)].join('\n')).toString('hex')
}

describe('AWS Signature Version 4', () => {
  test('is what AWS would make of the request, body and all, and replaces what the caller sent', async () => {
    const headers = {
      authorization: `Bearer ${tokens.aws}`,
      'x-amz-date': '19700101T000000Z',
      'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
      'x-amz-security-token': 'mine',
      'x-amz-target': 'AmazonSQS.SendMessage',
      'content-type': 'application/x-amz-json-1.0',
    }
    const reply = await call('aws', '/a%20b?z=1&a=2', { method: 'POST', headers, body: Buffer.from('{"q":1}') })
    assert.equal(reply.status, 200, reply.text())
    const [got] = seen as [Seen]
    assert.match(
      String(got.headers.authorization),
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE123456\/\d{8}\/eu-west-1\/sqs\//,
    )
    assert.ok(String(got.headers.authorization).endsWith(`Signature=${awsSignature(got)}`))
    assert.match(String(got.headers.authorization), /content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target/)
    assert.equal(got.headers['x-amz-security-token'], undefined)
    assert.equal(got.headers['x-amz-content-sha256'], sha256('{"q":1}'))
    assert.ok(
      Math.abs(
        Date.now() -
          Date.parse(String(got.headers['x-amz-date']).replace(/(....)(..)(..T..)(..)(..Z)/, '$1-$2-$3:$4:$5')),
      ) < 60_000,
    )
  })

  test('does not come back', async () => {
    const reply = await call('aws', '/echo')
    const signature = /Signature=([0-9a-f]{64})/.exec(String(seen[0]!.headers.authorization))?.[1]
    assert.ok(signature !== undefined)
    const whole = `${reply.rawHeaders.join('\n')}\n${reply.text()}`
    assert.ok(!whole.includes(signature), whole)
    assert.match(whole, /\[redacted:crd_/)
  })

  test('refuses what can be read in two ways, and a signature of the caller', async () => {
    assert.equal((await call('aws', '/?a=b+c')).code, 'target_ambiguous')
    assert.equal((await call('aws', '/?X-Amz-Signature=00')).code, 'credential_in_query')
    assert.equal(seen.length, 0)
  })

  test('wants to know region and service when it is described', async () => {
    const origins = ['https://storage.example.com']
    const describe = (injection: object, at = origins) =>
      around.gateway.operator('POST', '/services', { name: 'other-aws', origins: at, injection })
    assert.equal((await describe({ kind: 'sigv4' })).code, 'service_invalid')
    assert.equal((await describe({ kind: 'sigv4', region: 'eu-west-1' })).code, 'service_invalid')
    assert.equal((await describe({ kind: 'sigv4' }, ['https://sqs.eu-west-1.amazonaws.com'])).status, 201)
  })
})

interface Given {
  readonly id: string
  readonly service: string
  readonly variables: readonly string[]
  readonly placeholder: string
}
const host = () => ({ host: `127.0.0.1:${around.gateway.port}` })

async function givenBy(token: string): Promise<Given[]> {
  const headers = { ...host(), authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const reply = await around.gateway.agent('POST', '/claviger/v1/agents/self/placeholders', { headers, body: '{}' })
  return (reply.json() as { items: Given[] }).items
}

describe('a pair of placeholders', () => {
  async function pairOf(token: string): Promise<readonly [Given, Given]> {
    return (await givenBy(token)).filter(({ service }) => service === 'aws') as unknown as readonly [Given, Given]
  }

  /** As a client signs: with a secret that is worth nothing, so that nobody looks whether it signed well. */
  const signedBy = (id: string, scope = 'eu-west-1/sqs') =>
    `AWS4-HMAC-SHA256 Credential=${id}/20260304/${scope}/aws4_request, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`
  const send = (authorization: string, { path = '/q', service = 'aws', ...more }: Record<string, unknown> = {}) => {
    seen = []
    const headers = { ...host(), 'x-api-key': tokens.aws!, authorization, ...(more.headers as object) }
    return around.gateway.agent('POST', `/to/${service}${path}`, { ...more, headers })
  }

  test('is in the variables of AWS’s clients, and signs nothing itself', async () => {
    const [id, secret] = await pairOf(tokens.aws!)
    assert.deepEqual([id.variables, secret.variables], [['AWS_ACCESS_KEY_ID'], ['AWS_SECRET_ACCESS_KEY']])
    assert.match(`${id.placeholder} ${secret.placeholder}`, /^AKIA[A-Z2-7]{16} [A-Za-z0-9]{40}$/)
    const reply = await send(signedBy(id.placeholder), { headers: { 'x-amz-security-token': secret.placeholder } })
    assert.equal(reply.status, 200, reply.text())
    const [got] = seen as [Seen]
    assert.ok(String(got.headers.authorization).endsWith(`Signature=${awsSignature(got)}`))
    assert.ok(!JSON.stringify(got).includes(id.placeholder))
    assert.ok((await records()).includes(id.id))
  })

  test('has names of its own for a second service, and those that a service says', async () => {
    const origins = ['https://sqs.eu-west-1.amazonaws.com']
    const { gateway } = around
    await gateway.does('POST', '/agents', { name: 'collector' })
    for (const [name, placeholder] of Object.entries({
      aws: undefined,
      'more-aws': undefined,
      said: { variables: ['ITS_USER', 'ITS_WORD'] },
    })) {
      if (name !== 'aws') {
        await gateway.does('POST', '/services', {
          name,
          origins,
          injection: { kind: 'sigv4' },
          ...(placeholder && { placeholder }),
        })
        await gateway.does('POST', '/credentials', { handle: `${name}-key`, service: name, secret: AWS })
      }
      await gateway.does('POST', '/grants', { agent: 'collector', service: name, scopes: [`${name}:*`] })
    }
    const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'collector' })
    const names = (await givenBy(token)).map(({ variables }) => variables.join())
    assert.deepEqual(names.sort(), [
      ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'ITS_USER', 'ITS_WORD'],
      ...['MORE_AWS_KEY_ACCESS_KEY_ID', 'MORE_AWS_KEY_SECRET_ACCESS_KEY'],
    ])
  })

  test('says which account is meant where two have the host', async () => {
    const { gateway } = around
    const { origins } = await gateway.does<{ origins: [string] }>('GET', '/services/aws')
    const service = {
      name: 'aws-b',
      origins,
      addresses: loopback,
      injection: { kind: 'sigv4', region: 'eu-west-1', service: 'sqs' },
    }
    await gateway.does('POST', '/services', service)
    await gateway.does('POST', '/credentials', {
      handle: 'account-b',
      service: 'aws-b',
      secret: `AKIDOFACCOUNTB123:${AWS_SECRET}`,
    })
    await gateway.does('POST', '/agents', { name: 'accountant' })
    for (const name of ['aws', 'aws-b'])
      await gateway.does('POST', '/grants', { agent: 'accountant', service: name, scopes: [`${name}:*`] })
    const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: 'accountant' })
    const ids = (await givenBy(token)).filter(({ placeholder }) => placeholder.startsWith('AKIA'))
    const used: (string | undefined)[] = []
    for (const { placeholder } of ids) {
      seen = []
      const headers = {
        ...{ host: new URL(origins[0]).host, authorization: signedBy(placeholder) },
        'proxy-authorization': `Bearer ${token}`,
      }
      const reply = await gateway.agent('GET', `${new URL(origins[0]).origin}/q`, { headers })
      assert.equal(reply.status, 200, reply.text())
      used.push(/Credential=(\w+)/.exec(String(seen[0]!.headers.authorization))?.[1])
    }
    assert.deepEqual(used, ['AKIDEXAMPLE123456', 'AKIDOFACCOUNTB123'])
    await gateway.does('DELETE', '/services/aws-b')
  })

  test('is refused for another region, service, version or place, and where it is dead or another agent’s', async () => {
    const [id, secret] = await pairOf(tokens.aws!)
    const { id: token, token: other } = await around.gateway.does<{ id: string; token: string }>('POST', '/tokens', {
      agent: 'agent-of-aws',
    })
    const [dead] = await pairOf(other)
    await around.gateway.does('DELETE', `/tokens/${token}`)
    await around.gateway.does('POST', '/agents', { name: 'neighbour' })
    await around.gateway.does('POST', '/grants', { agent: 'neighbour', service: 'aws', scopes: ['aws:*'] })
    const [foreign] = await pairOf(
      (await around.gateway.does<{ token: string }>('POST', '/tokens', { agent: 'neighbour' })).token,
    )
    await around.gateway.does('POST', '/grants', { agent: 'agent-of-aws', service: 'bot', scopes: ['bot:*'] })
    const own = id.placeholder
    const text = { 'content-type': 'text/plain' }
    const table: readonly [code: string, authorization: string, more?: Record<string, unknown>][] = [
      ['signed_for_another', signedBy(own, 'us-east-1/sqs')],
      ['signed_for_another', signedBy(own, 'eu-west-1/s3')],
      ['signed_for_another', signedBy(own, 'sqs').replace('HMAC', 'ECDSA-P256')],
      ['signed_for_another', `AWS4-HMAC-SHA256 Credential=${own}`],
      ['placeholder_unknown', signedBy(dead.placeholder)],
      ['placeholder_unknown', signedBy(foreign.placeholder)],
      ['placeholder_unknown', signedBy('AKIACFADEB2222222222')],
      ['placeholder_elsewhere', signedBy(own), { service: 'bot', path: '/sendMessage' }],
      ['placeholder_misplaced', signedBy(own), { body: Buffer.from(secret.placeholder), headers: text }],
      ['placeholder_misplaced', signedBy(own), { headers: { 'x-amz-meta-note': secret.placeholder } }],
      [
        'credential_in_query',
        'none',
        { path: `/q?X-Amz-Credential=${own}%2F20260304%2Feu-west-1%2Fsqs%2Faws4_request` },
      ],
      [
        'header_refused',
        signedBy(own),
        {
          headers: { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER', 'content-encoding': 'aws-chunked' },
        },
      ],
    ]
    for (const [code, authorization, more] of table) {
      const reply = await send(authorization, more)
      assert.equal(reply.code, code, `${authorization} ${JSON.stringify(more)}`)
      assert.equal(seen.length, 0)
    }
    const denied = JSON.stringify(await around.gateway.does('GET', '/audit/records?type=deny&limit=200'))
    for (const code of ['signed_for_another', 'placeholder_unknown', 'placeholder_elsewhere'])
      assert.ok(denied.includes(code), code)
  })
})

describe('a key in the path', () => {
  test('is put in when the request goes out, and is in no record and no answer', async () => {
    const reply = await call('bot', '/sendMessage?chat_id=1', { method: 'POST' })
    assert.equal(reply.status, 200, reply.text())
    assert.equal(seen[0]!.url, `/bot${BOT}/sendMessage?chat_id=1`)
    const whole = `${reply.rawHeaders.join('\n')}\n${reply.text()}`
    assert.ok(!whole.includes(BOT) && !whole.includes(BOT.slice(10)), whole)
    await call('bot', '/file/photos/a.jpg')
    assert.equal(seen[0]!.url, `/file/bot${BOT}/photos/a.jpg`)
    assert.ok(!(await records()).includes(BOT.slice(10)))
  })

  test('is not taken from the caller', async () => {
    for (const path of ['/bot1:x/sendMessage', '/bot1:x/file/a']) {
      assert.equal((await call('bot', path)).code, 'target_not_allowed', path)
    }
    assert.equal(seen.length, 0)
  })
})

describe('a declared signature', () => {
  test('covers what the service says, and replaces what the caller sent', async () => {
    const headers = { authorization: `Bearer ${tokens.signed}`, 'x-sign': 'mine', 'X-Time': '1', 'x-key-id': 'other' }
    const reply = await call('signed', '/a%20b?q=1', { method: 'PUT', headers, body: Buffer.from('hello') })
    assert.equal(reply.status, 200, reply.text())
    const { headers: got } = seen[0]!
    const text = `${got['x-time']}\nPUT\n/a%20b\nq=1\n${sha256('hello')}`
    const signature = createHmac('sha512', HMAC_KEY).update(text).digest('base64')
    assert.deepEqual([got['x-sign'], got['x-key-id'], got.authorization], [`v1=${signature}`, 'my-key', undefined])
    assert.ok(Math.abs(Date.now() - Number(got['x-time'])) < 60_000)
    assert.ok(!reply.text().includes(signature))
  })

  test('is over nothing where there is no body', async () => {
    await call('signed', '/n')
    const { headers: got } = seen[0]!
    const text = `${got['x-time']}\nGET\n/n\n\n${sha256('')}`
    assert.equal(got['x-sign'], `v1=${createHmac('sha512', HMAC_KEY).update(text).digest('base64')}`)
  })
})

describe('a client that signs with placeholders by a declared signature', () => {
  test('sends the id of its key where the service has it, and a signature that is made anew', async () => {
    const given = (await givenBy(tokens.signed!)).filter(({ service }) => service === 'signed')
    assert.deepEqual(
      given.map(({ variables }) => variables.join()),
      ['SIGNED_API_KEY', 'SIGNED_API_SECRET'],
    )
    const [id, secret] = given.map(({ placeholder }) => placeholder) as [string, string]
    const sign = (text: string) => createHmac('sha512', secret).update(text).digest('base64')
    const send = (headers: Record<string, string>) =>
      call('signed', '/n', { headers: { authorization: `Bearer ${tokens.signed}`, ...headers } })
    const reply = await send({ 'x-key-id': id, 'x-time': '1', 'x-sign': `v1=${sign(`1\nGET\n/n\n\n${sha256('')}`)}` })
    assert.equal(reply.status, 200, reply.text())
    const { headers: got } = seen[0]!
    const text = `${got['x-time']}\nGET\n/n\n\n${sha256('')}`
    assert.equal(got['x-sign'], `v1=${createHmac('sha512', HMAC_KEY).update(text).digest('base64')}`)
    assert.equal(got['x-key-id'], 'my-key')
    for (const headers of [{ 'x-note': id }, { 'x-note': secret }] as Record<string, string>[])
      assert.equal((await send(headers)).code, 'placeholder_misplaced')
    assert.equal(seen.length, 0)
  })

  test('that reads its secret as hex gets one that can be read so, and no id where the service knows none', async () => {
    const { gateway } = around
    const injection = {
      kind: 'hmac',
      algorithm: 'sha256',
      encoding: 'hex',
      secretEncoding: 'hex',
      stringToSign: '{path}',
    }
    const service = { injection: { ...injection, headers: { 'X-Sign': '{signature}' } } }
    const secret = '00ff10203040506070'
    const { token } = await furnish(gateway, { name: 'hexed', origins: ['https://hexed.example.com'], secret, service })
    const given = await givenBy(token)
    assert.deepEqual(
      given.map(({ variables }) => variables),
      [['HEXED_API_SECRET']],
    )
    assert.match(given[0]!.placeholder, /^[0-9a-f]{64}$/)
  })

  test('may sign in the query: what it says there goes, and only where its key is with it', async () => {
    const { gateway } = around
    const { origins } = await gateway.does<{ origins: string[] }>('GET', '/services/signed')
    const injection = {
      ...{ kind: 'hmac', algorithm: 'sha256', encoding: 'hex', stringToSign: '{query}', timestamp: 'milliseconds' },
      ...{ headers: { 'X-Key': '{key_id}' }, query: { timestamp: '{timestamp}', signature: '{signature}' } },
    }
    const service = { addresses: loopback, injection }
    const { token } = await furnish(gateway, { name: 'asked', origins, secret: `my-key:${HMAC_KEY}`, service })
    const [id] = await givenBy(token)
    const send = (path: string, key: string) => {
      seen = []
      return around.call(path, { service: 'asked', token, headers: { 'x-key': key } })
    }
    const reply = await send('/o?symbol=AB&timestamp=1&signature=00', id!.placeholder)
    assert.equal(reply.status, 200, reply.text())
    const [, query = '', signature] =
      /^\/o\?(symbol=AB&timestamp=\d{13})&signature=([0-9a-f]{64})$/.exec(seen[0]!.url) ?? []
    assert.equal(signature, createHmac('sha256', HMAC_KEY).update(query).digest('hex'))
    assert.equal((await send('/o?symbol=AB&signature=00', 'any')).code, 'credential_in_query')
    assert.equal((await send('/o?symbol=AB&Signature=00', id!.placeholder)).code, 'target_ambiguous')
    assert.equal((await send(`/o?symbol=${id!.placeholder}`, 'any')).code, 'placeholder_misplaced')
    assert.equal(seen.length, 0)
  })
})

describe('a secret of the wrong shape', () => {
  const wrong: readonly [string, string][] = [
    ['aws', AWS_SECRET],
    ['aws', `${AWS}:`],
    ['aws', `AKIDEXAMPLE123456:${AWS_SECRET}:a b`],
    ['bot', '1234/5678'],
    ['bot', '1234%2F5678'],
    ['bot', '........'],
    ['bot', '1234?5678'],
    ['signed', HMAC_KEY],
    ['signed', 'id:short'],
    ['signed', `:${HMAC_KEY}`],
  ]
  for (const [service, secret] of wrong) {
    test(`is refused for ${service} when it is stored and when it is rotated: ${secret}`, async () => {
      const stored = await around.gateway.operator('POST', '/credentials', { handle: 'wrong', service, secret })
      assert.deepEqual([stored.status, stored.code], [422, 'secret_shape_refused'])
      assert.ok(!stored.text().includes(secret))
      const rotated = await around.gateway.operator('POST', `/credentials/${service}-key/rotate`, { secret })
      assert.deepEqual([rotated.status, rotated.code], [422, 'secret_shape_refused'])
    })
  }

  test('that was right for another way to attach it is found when it is used, and nothing is sent', async () => {
    const origins = [`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`]
    const service = { addresses: loopback, injection: { kind: 'bearer' } }
    tokens.turned = (await furnish(around.gateway, { name: 'turned', origins, secret: 'a plain text', service })).token
    const injection = { kind: 'sigv4', region: 'eu-west-1', service: 'sqs' }
    await around.gateway.does('PUT', '/services/turned', { name: 'turned', origins, addresses: loopback, injection })
    assert.equal((await call('turned', '/n')).code, 'credential_unusable')
    assert.equal(seen.length, 0)
  })
})

describe('--inject', () => {
  test('takes a path and SigV4 too', async () => {
    const add = async (name: string, how: string) =>
      JSON.parse(
        (
          await asOperator(
            around.gateway,
            `service add ${name} --origin https://${name}.example.com --inject ${how} --json`,
          )
        ).stdout,
      )
    assert.deepEqual((await add('by-path', 'path:bot{secret}')).injection, { kind: 'path', segment: 'bot{secret}' })
    assert.deepEqual((await add('by-aws', 'sigv4:eu-west-1/s3')).injection, {
      kind: 'sigv4',
      region: 'eu-west-1',
      service: 's3',
    })
  })
})
