import {
  awsKeys,
  isPathSegment,
  signingSecret,
  wantsAwsKeys,
  wantsPathSegment,
  wantsSigningSecret,
} from '../ground/credential-shape.ts'
import { namesIn } from '../ground/placeholders.ts'
import type { Service } from './contract.ts'
import type { Injection } from './service-parts.ts'

/** What the secret of a service must look like for its way to attach it; undefined where any text will do. */
export function secretShapeOf(injection: Injection | undefined): Service['secretShape'] {
  switch (injection?.kind) {
    case 'path':
      return (secret) => (isPathSegment(text(secret)) ? undefined : wantsPathSegment)
    case 'sigv4':
      return (secret) => (awsKeys(text(secret)) === undefined ? wantsAwsKeys : undefined)
    case 'hmac': {
      const { secretEncoding = 'text', stringToSign, headers = {}, query = {} } = injection
      const named = namesIn([stringToSign, ...Object.values(headers), ...Object.values(query)]).has('key_id')
      return (secret) =>
        signingSecret(text(secret), secretEncoding, named) === undefined
          ? wantsSigningSecret(secretEncoding, named)
          : undefined
    }
    default:
      return undefined
  }
}

function text(secret: Uint8Array): string {
  return Buffer.from(secret.buffer, secret.byteOffset, secret.byteLength).toString('latin1')
}
