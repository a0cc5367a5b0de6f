import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { canonicalTarget } from '../ground/target.ts'
import { awsKey, awsTime, signAws } from './sign-aws.ts'

const scope = { region: 'us-east-1', service: 'service', time: '20150830T123600Z' }
const ID = 'AKIDEXAMPLE'
const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

interface Vector {
  readonly name: string
  readonly target: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly signed?: string
  readonly signature: string
  readonly method?: string
  readonly body?: string
  /** The vectors have paths before they are encoded, and encode them once; so does S3 with what was sent. */
  readonly asMeant?: true
}

/** AWS's own, of its signing test suite (awslabs/aws-c-auth, tests/aws-signing-test-suite/v4, header-signed-request.txt). */
const vectors: readonly Vector[] = [
  {
    name: 'get-vanilla-query',
    target: '/',
    signature: '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
  },
  {
    name: 'get-vanilla-empty-query-key',
    target: '/?Param1=value1',
    signature: 'a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb',
  },
  {
    name: 'get-vanilla-query-order-key-case',
    target: '/?Param2=value2&Param1=value1',
    signature: 'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  },
  {
    name: 'get-vanilla-query-order-encoded',
    target: '/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1',
    signature: '371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac',
  },
  {
    name: 'get-vanilla-query-unreserved',
    target: `/?-._~${letters}=-._~${letters}`,
    signature: '9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197',
  },
  {
    name: 'get-unreserved',
    target: `/-._~${letters}`,
    signature: '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f',
  },
  {
    name: 'get-vanilla-with-session-token',
    target: '/',
    headers: [['x-amz-security-token', '6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267']],
    signed: 'host;x-amz-date;x-amz-security-token',
    signature: '07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8',
  },
  {
    name: 'get-header-value-trim',
    target: '/',
    headers: [
      ['my-header1', ' value1'],
      ['my-header2', ' "a   b   c"'],
    ],
    signed: 'host;my-header1;my-header2;x-amz-date',
    signature: 'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
  },
  {
    name: 'post-x-www-form-urlencoded',
    method: 'POST',
    target: '/',
    headers: [
      ['content-type', 'application/x-www-form-urlencoded'],
      ['content-length', '13'],
      ['x-amz-content-sha256', '9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e'],
    ],
    signed: 'content-length;content-type;host;x-amz-content-sha256;x-amz-date',
    body: 'Param1=value1',
    signature: 'd3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b',
  },
]

describe('signAws()', () => {
  for (const {
    name,
    method = 'GET',
    target,
    headers = [],
    signed = 'host;x-amz-date',
    body = '',
    signature,
  } of vectors) {
    test(`signs AWS's ${name}`, () => {
      const all = [['host', 'example.amazonaws.com'], ['x-amz-date', scope.time], ...headers] as const
      const request = { method, target: canonicalTarget(target), headers: all, payload: sha256(body) }
      const made = signAws(request, scope, ID, awsKey(SECRET, scope))
      assert.equal(
        made.authorization,
        `AWS4-HMAC-SHA256 Credential=${ID}/20150830/us-east-1/service/aws4_request, SignedHeaders=${signed}, Signature=${signature}`,
      )
      assert.equal(made.signature, signature)
    })
  }

  const at = (target: string, service: string) => {
    const headers = [['host', 'example.amazonaws.com']] as const
    const request = { method: 'GET', target: canonicalTarget(target), headers, payload: sha256('') }
    return signAws(request, { ...scope, service }, ID, awsKey(SECRET, { ...scope, service })).signature
  }

  test('reads the path for S3 as it was meant, however it was written', () => {
    assert.equal(at('/a/b:c%20d', 's3'), at('/a/b%3Ac%20d', 's3'))
    assert.notEqual(at('/a/b:c%20d', 'sqs'), at('/a/b%3Ac%20d', 'sqs'))
    assert.notEqual(at('/a%20b', 's3'), at('/a/b', 's3'))
  })

  test('signs the same query for every spelling of it, and another for another order of values', () => {
    assert.equal(at('/?b=2&a=%2F', 'sqs'), at('/?a=/&b=2', 'sqs'))
    assert.equal(at('/?a=2&a=1', 'sqs'), at('/?a=1&a=2', 'sqs'))
    assert.equal(at('/?a', 'sqs'), at('/?a=', 'sqs'))
    assert.notEqual(at('/?a=1', 'sqs'), at('/?a=2', 'sqs'))
  })

  test('writes times without signs', () => assert.equal(awsTime(Date.UTC(2015, 7, 30, 12, 36, 0, 789)), scope.time))
})
