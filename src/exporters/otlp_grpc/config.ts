import type { ConfigSpec } from '../../pipeline/component.ts'
import { checkOtlp, type OtlpConfig, otlpSchema } from '../../pipeline/otlp/settings.ts'
import { queueExtensions } from '../../pipeline/sending-queue/open-queue.ts'
import { type ClientAuthConfig, checkClientAuth, clientAuthSchema } from '../../pipeline/settings/client-auth.ts'
import {
  checkGrpcClient,
  type GrpcClientConfig,
  grpcClientSchema,
  isPlainTarget,
} from '../../pipeline/settings/grpc-client.ts'

export interface OtlpGrpcConfig extends OtlpConfig, GrpcClientConfig {
  auth: ClientAuthConfig
}

export const otlpGrpcConfig: ConfigSpec<OtlpGrpcConfig> = {
  schema: { ...grpcClientSchema, auth: clientAuthSchema, ...otlpSchema('5s') },
  extensions: queueExtensions,
  check: (config) => [
    ...checkGrpcClient(config),
    ...checkClientAuth(config.auth, isPlainTarget(config)),
    ...checkOtlp(config),
  ],
}
