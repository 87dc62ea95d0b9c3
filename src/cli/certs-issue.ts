import 'reflect-metadata'
import { createPrivateKey, KeyObject, randomBytes, webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** ECDSA over P-256: what every TLS 1.3 implementation must have (RFC 8446 §9.1). */
const KEY = { name: 'ECDSA', namedCurve: 'P-256' }
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' }

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** An authority lives at least so long, for certificates issued later. */
const AUTHORITY_DAYS = 3_650

/** A certificate and its key, as PEM. */
export interface Pair {
  certificate: string
  key: string
}

/** What a certificate is for. */
export interface Leaf {
  commonName: string
  dns: readonly string[]
  ips: readonly string[]
  usages: readonly ('server' | 'client')[]
}

/** Issues certificates. */
export class Authority {
  readonly #certificate: X509Certificate
  readonly #key: webcrypto.CryptoKey

  private constructor(certificate: X509Certificate, key: webcrypto.CryptoKey) {
    this.#certificate = certificate
    this.#key = key
  }

  /** A new one. */
  static async create(commonName: string, days: number): Promise<{ authority: Authority; pair: Pair }> {
    const keys = await generateKeys()
    const { subject, ...validity } = identity(commonName, Math.max(days, AUTHORITY_DAYS))
    const certificate = await X509CertificateGenerator.createSelfSigned({
      ...validity,
      name: subject,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    })
    const pair = { certificate: `${certificate.toString('pem')}\n`, key: privatePem(keys.privateKey) }
    return { authority: new Authority(certificate, keys.privateKey), pair }
  }

  /** One made before. @throws Error when the key is not one of ours, or not that of the certificate */
  static async load({ certificate: certificatePem, key: keyPem }: Pair): Promise<Authority> {
    const certificate = new X509Certificate(certificatePem)
    const keyObject = createPrivateKey(keyPem)
    if (keyObject.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
      throw new Error('the key is not of the curve P-256')
    const pkcs8 = keyObject.export({ format: 'der', type: 'pkcs8' })
    const key = await webcrypto.subtle.importKey('pkcs8', new Uint8Array(pkcs8), KEY, false, ['sign'])
    const authority = new Authority(certificate, key)
    const probe = await authority.issue({ commonName: 'probe', dns: ['probe'], ips: [], usages: ['client'] }, 1)
    const signed = new X509Certificate(probe.certificate)
    if (!(await signed.verify({ publicKey: certificate, signatureOnly: true }))) {
      throw new Error('the key is not that of the certificate')
    }
    return authority
  }

  /** Ends with the authority at the latest. */
  async issue({ commonName, dns, ips, usages }: Leaf, days: number): Promise<Pair> {
    const keys = await generateKeys()
    const fields = identity(commonName, days)
    const { subject: issuer, notAfter: last, publicKey: authorityKey } = this.#certificate
    const certificate = await X509CertificateGenerator.create({
      ...fields,
      issuer,
      notAfter: new Date(Math.min(fields.notAfter.getTime(), last.getTime())),
      publicKey: keys.publicKey,
      signingKey: this.#key,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension(usages.map((usage) => ExtendedKeyUsage[`${usage}Auth`])),
        new SubjectAlternativeNameExtension([
          ...dns.map((value) => ({ type: 'dns' as const, value })),
          ...ips.map((value) => ({ type: 'ip' as const, value })),
        ]),
        await SubjectKeyIdentifierExtension.create(keys.publicKey),
        await AuthorityKeyIdentifierExtension.create(authorityKey),
      ],
    })
    return { certificate: `${certificate.toString('pem')}\n`, key: privatePem(keys.privateKey) }
  }
}

/** The fields that every certificate has. It begins an hour ago: clocks differ. */
function identity(commonName: string, days: number) {
  const serial = randomBytes(16)
  // Positive, and not shortened by a leading zero (RFC 5280 §4.1.2.2).
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  const nowMs = Date.now()
  return {
    serialNumber: serial.toString('hex'),
    subject: [{ CN: [commonName] }],
    notBefore: new Date(nowMs - HOUR_MS),
    notAfter: new Date(nowMs + days * DAY_MS),
    signingAlgorithm: SIGNATURE,
  }
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify'])
}

function privatePem(key: webcrypto.CryptoKey): string {
  return KeyObject.from(key).export({ format: 'pem', type: 'pkcs8' }).toString()
}
