// What clients of AWS speak to, by HTTPS: STS and a little of S3, on one port each. It believes nobody: every request must bear a
// signature (Version 4) that is good for the real pair, and what came with a digest or a checksum must be that.
import { createHash, createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { crc32 } from 'node:zlib'
import type { Issued } from './certificates.ts'

export interface AwsService {
  readonly port: number
  /** `<method> <url> <what the body was signed as>` of all that was believed; why not, of everything else. */
  readonly served: string[]
  readonly refused: string[]
  /** Of all that came: heads and bodies, as text. */
  readonly came: string[]
  readonly objects: Map<string, Buffer>
  close(): Promise<void>
}

export interface AwsOptions {
  readonly issued: Issued
  readonly host: string
  /** The real pair, and the session of it where it has one. */
  readonly keys: { readonly id: string; readonly secret: string; readonly session?: string }
  readonly region: string
  readonly service: 'sts' | 's3'
}

export async function awsService({ issued, host, ...expected }: AwsOptions): Promise<AwsService> {
  const [served, refused, came]: string[][] = [[], [], []]
  const objects = new Map<string, Buffer>()
  const server = createServer(
    { cert: readFileSync(issued.cert), key: readFileSync(issued.key) },
    (request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { method = '', url = '', headers } = request
        const body = Buffer.concat(chunks)
        came?.push(`${method} ${url}\n${request.rawHeaders.join('\n')}\n${body.toString('latin1')}`)
        try {
          const signedAs = checked(request, body, expected)
          served?.push(`${method} ${url} ${/^[0-9a-f]{64}$/.test(signedAs) ? 'whole' : signedAs}`)
          const content = /aws-chunked/.test(String(headers['content-encoding'])) ? unchunked(body) : body
          if (expected.service === 'sts') answerSts(response)
          else answerS3(request, response, content, objects)
        } catch (error) {
          refused?.push(`${method} ${url}: ${(error as Error).message}`)
          response.writeHead(403, { 'content-type': 'application/xml' })
          response.end(
            `<Error><Code>SignatureDoesNotMatch</Code><Message>${(error as Error).message}</Message></Error>`,
          )
        }
      })
    },
  )
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { port: (server.address() as AddressInfo).port, served, refused, came, objects, close } as AwsService
}

const sha256 = (bytes: Buffer | string) => createHash('sha256').update(bytes).digest('hex')
const hmac = (key: Buffer | string, text: string) => createHmac('sha256', key).update(text).digest()

/** Throws where a request is not what the real pair signed; gives what the body was signed as. */
function checked(
  { method = '', url = '', headers }: IncomingMessage,
  body: Buffer,
  { keys, region, service }: Pick<AwsOptions, 'keys' | 'region' | 'service'>,
): string {
  const form =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=(\S+), Signature=(\w{64})$/
  const [, id, day = '', where, what, names = '', signature] = form.exec(String(headers.authorization)) ?? []
  if (id !== keys.id || where !== region || what !== service) throw new Error(`signed as ${id} for ${where}/${what}`)
  if (headers['x-amz-security-token'] !== keys.session) throw new Error('another session')
  const unsigned = Object.keys(headers).filter(
    (name) => /^(?:host$|x-amz-)/.test(name) && !names.split(';').includes(name),
  )
  if (unsigned.length > 0) throw new Error(`not signed: ${unsigned.join(', ')}`)
  const payload = String(headers['x-amz-content-sha256'])
  if (!/^(?:UNSIGNED-PAYLOAD|STREAMING-UNSIGNED-PAYLOAD-TRAILER)$/.test(payload) && payload !== sha256(body))
    throw new Error('another body')
  const [path = '', query = ''] = url.split('?')
  const pairs = query === '' ? [] : query.split('&').map((pair) => (pair.includes('=') ? pair : `${pair}=`))
  const lines = names.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`)
  const canonical = [method, path, pairs.sort().join('&'), lines.join(''), names, payload].join('\n')
  const time = String(headers['x-amz-date'])
  const toSign = ['AWS4-HMAC-SHA256', time, `${day}/${where}/${what}/aws4_request`, sha256(canonical)].join('\n')
  const key = [day, region, service, 'aws4_request'].reduce<Buffer>(hmac, Buffer.from(`AWS4${keys.secret}`))
  if (hmac(key, toSign).toString('hex') !== signature || !time.startsWith(day)) throw new Error('another signature')
  checkSum(headers, payload.startsWith('STREAMING') ? unchunked(body) : body)
  return payload
}

function checkSum(headers: IncomingHttpHeaders, content: Buffer): void {
  const said = headers['x-amz-checksum-crc32']
  if (said !== undefined && said !== sumOf(content)) throw new Error('another checksum')
  const length = headers['x-amz-decoded-content-length']
  if (length !== undefined && Number(length) !== content.length) throw new Error('another length')
}

function sumOf(content: Buffer): string {
  const sum = Buffer.alloc(4)
  sum.writeUInt32BE(crc32(content))
  return sum.toString('base64')
}

/** Chunks as AWS has them, none of them signed, and a checksum behind. */
function unchunked(body: Buffer): Buffer {
  const pieces: Buffer[] = []
  let at = 0
  for (;;) {
    const line = body.indexOf('\r\n', at)
    const size = /^[0-9a-f]+$/i.exec(body.toString('latin1', at, line))
    if (size === null) throw new Error('no chunks')
    at = line + 2
    const length = Number.parseInt(size[0], 16)
    if (length === 0) break
    pieces.push(body.subarray(at, at + length))
    at += length + 2
  }
  const content = Buffer.concat(pieces)
  if (!body.toString('latin1', at).startsWith(`x-amz-checksum-crc32:${sumOf(content)}\r\n`))
    throw new Error('another trailer')
  return content
}

function answerSts(response: ServerResponse): void {
  const result =
    '<Arn>arn:aws:iam::111122223333:user/ann</Arn><UserId>AIDAEXAMPLE</UserId><Account>111122223333</Account>'
  response.setHeader('content-type', 'text/xml')
  response.end(
    `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>${result}</GetCallerIdentityResult></GetCallerIdentityResponse>`,
  )
}

/** Buckets by path: `/bucket/key`. */
function answerS3(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  objects: Map<string, Buffer>,
): void {
  const { pathname, searchParams } = new URL(url, 'https://s3')
  const object = objects.get(pathname)
  if (method === 'PUT') {
    objects.set(pathname, body)
    response.writeHead(200, { etag: '"1"' }).end()
  } else if (searchParams.has('list-type')) {
    const listed = [...objects].map(
      ([name, { length }]) =>
        `<Contents><Key>${name.split('/').slice(2).join('/')}</Key><Size>${length}</Size><LastModified>2026-01-02T03:04:05.000Z</LastModified></Contents>`,
    )
    response.setHeader('content-type', 'application/xml')
    response.end(`<ListBucketResult><Name>shop</Name>${listed.join('')}</ListBucketResult>`)
  } else if (object === undefined) response.writeHead(404).end()
  else {
    const head = { etag: '"1"', 'content-length': object.length, 'last-modified': 'Fri, 02 Jan 2026 03:04:05 GMT' }
    response.writeHead(200, { ...head, 'x-amz-checksum-crc32': sumOf(object) })
    response.end(method === 'HEAD' ? undefined : object)
  }
}
