/**
 * X.509 (RFC 5280) for one authority and the servers it vouches for, P-256 throughout. Pure but for randomness: what is
 * made is DER, and the signature is given by whoever has the key.
 */
import { createHash, randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { AsnConvert, OctetString } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_nameConstraints,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  NameConstraints,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509'

/** Signs with ECDSA over SHA-256; DER. */
export type Sign = (data: Uint8Array) => Promise<Uint8Array>

export interface Authority {
  /** What certificates that it signed name as their issuer. */
  readonly name: string
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array
  readonly sign: Sign
}

export interface Lifetime {
  readonly from: number
  readonly until: number
}

/** Hosts as origins write them: A-labels in lower case, `*.` before some, IPv6 in brackets. */
export type Hosts = readonly string[]

/**
 * The authority's own certificate. It may sign for `hosts` and what is below them, for no other name and no other address
 * (RFC 5280 §4.2.1.10), and for no other authority. DER.
 */
export function authorityCertificate(authority: Authority, hosts: Hosts, life: Lifetime): Promise<Buffer> {
  const id = keyId(authority.spki)
  return made(authority, authority.name, authority.spki, life, [
    extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: true, pathLenConstraint: 0 })),
    extension(id_ce_keyUsage, true, new KeyUsage(KeyUsageFlags.keyCertSign)),
    extension(id_ce_nameConstraints, true, constraintsTo(hosts)),
    extension(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(id)),
  ])
}

/** Of a server at `host`, which is no wildcard. DER. */
export function serverCertificate(
  authority: Authority,
  host: string,
  spki: Uint8Array,
  life: Lifetime,
): Promise<Buffer> {
  const issuer = new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(keyId(authority.spki)) })
  return made(authority, 'Claviger server', spki, life, [
    extension(id_ce_basicConstraints, true, new BasicConstraints({ cA: false })),
    extension(id_ce_keyUsage, true, new KeyUsage(KeyUsageFlags.digitalSignature)),
    extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage([id_kp_serverAuth])),
    extension(id_ce_subjectAltName, false, new SubjectAlternativeName([generalName(host)])),
    extension(id_ce_subjectKeyIdentifier, false, new SubjectKeyIdentifier(keyId(spki))),
    extension(id_ce_authorityKeyIdentifier, false, issuer),
  ])
}

export function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

const ECDSA_SHA256 = new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' })
/** Not a common name: of a server without DNS names some clients take that for one, and it violates the constraints. */
const ORGANIZATION = '2.5.4.10'

async function made(
  { name, sign }: Authority,
  subject: string,
  spki: Uint8Array,
  { from, until }: Lifetime,
  extensions: Extension[],
): Promise<Buffer> {
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serial(),
    signature: ECDSA_SHA256,
    issuer: nameOf(name),
    validity: new Validity({ notBefore: new Date(from), notAfter: new Date(until) }),
    subject: nameOf(subject),
    subjectPublicKeyInfo: AsnConvert.parse(spki, SubjectPublicKeyInfo),
    extensions: new Extensions(extensions),
  })
  const signatureValue = bytesOf(await sign(new Uint8Array(AsnConvert.serialize(tbsCertificate))))
  const certificate = new Certificate({ tbsCertificate, signatureAlgorithm: ECDSA_SHA256, signatureValue })
  return Buffer.from(AsnConvert.serialize(certificate))
}

/** 127 random bits: positive, and of a length that every client takes (RFC 5280 §4.1.2.2). */
function serial(): ArrayBuffer {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return bytesOf(bytes)
}

function nameOf(text: string): Name {
  const value = new AttributeValue({ utf8String: text })
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: ORGANIZATION, value })])])
}

/**
 * Names of a kind that is not constrained are allowed, so both kinds always are: where there is no name, to one that can
 * never be (RFC 6761 §6.4); where there is no address, to none.
 */
function constraintsTo(hosts: Hosts): NameConstraints {
  const bare = [...new Set(hosts.map(withoutWildcard))].sort()
  const names = bare.filter((host) => isIP(host) === 0)
  const addresses = bare.filter((host) => isIP(host) !== 0)
  const permitted = [
    ...(names.length === 0 ? ['invalid'] : names).map((dNSName) => new GeneralName({ dNSName })),
    ...addresses.map((address) => new GeneralName({ iPAddress: `${address}/${isIP(address) === 4 ? 32 : 128}` })),
  ]
  const excluded = [4, 6].filter((kind) => !addresses.some((address) => isIP(address) === kind)).map(everyAddress)
  return new NameConstraints({
    permittedSubtrees: subtrees(permitted),
    ...(excluded.length > 0 && { excludedSubtrees: subtrees(excluded) }),
  })
}

const everyAddress = (kind: number) => new GeneralName({ iPAddress: kind === 4 ? '0.0.0.0/0' : '::/0' })

const subtrees = (bases: GeneralName[]) => new GeneralSubtrees(bases.map((base) => new GeneralSubtree({ base })))

function generalName(host: string): GeneralName {
  const bare = withoutWildcard(host)
  return isIP(bare) === 0 ? new GeneralName({ dNSName: bare }) : new GeneralName({ iPAddress: bare })
}

const withoutWildcard = (host: string) => host.replace(/^\*\./, '').replace(/^\[(.*)\]$/, '$1')

function extension(extnID: string, critical: boolean, value: object): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) })
}

/** RFC 7093 §2 method 1: the first 160 bits of SHA-256 over the key's bits. */
function keyId(spki: Uint8Array): ArrayBuffer {
  const { subjectPublicKey } = AsnConvert.parse(spki, SubjectPublicKeyInfo)
  const hash = createHash('sha256').update(new Uint8Array(subjectPublicKey)).digest()
  return bytesOf(hash.subarray(0, 20))
}

const bytesOf = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer
