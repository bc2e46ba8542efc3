import {
  type ConfigurableModuleAsyncOptions,
  ConfigurableModuleBuilder,
  type DynamicModule,
  forwardRef,
  type ForwardReference,
  Module,
  type Type,
} from '@nestjs/common';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { typeName } from '../options/rules.js';
import { hideOptions } from './module-options.js';

/** What a configurable module consists of. */
export interface ModuleParts<Extras, Factory> {
  /** Name of the module, as errors name it. */
  readonly module: string;
  /**
   * What is registered. It is a class of its own, so that an import of the module without `forRoot()` can be reported.
   */
  readonly core: Type;
  readonly optionsToken: string;
  /** Method of a class that makes the options. */
  readonly factoryMethod: keyof Factory & string;
  /** What Nest must know before any async factory runs, with its defaults. */
  readonly extras: { readonly [Name in keyof Required<Extras>]: Extras[Name] };
  readonly addExtras: (definition: DynamicModule, extras: Extras) => DynamicModule;
}

/** A module with options. */
export interface ConfigurableModule<Options, Extras, Factory> {
  new (): object;
  /**
   * Registers the module with these options. What is not set is read from the environment, where that has it.
   * @throws RtcConfigError when the app boots, listing every problem
   */
  forRoot(
    ...given: Partial<Options> extends Options ? [options?: Options & Extras] : [options: Options & Extras]
  ): DynamicModule;
  /**
   * Registers the module with options from a factory, a class or an existing provider. What Nest must know before,
   * such as `isGlobal` and `name`, stands beside it.
   * @throws RtcConfigError when the app boots, listing every problem
   */
  forRootAsync(
    options: ConfigurableModuleAsyncOptions<Options, keyof Factory & string> & Extras,
  ): DynamicModule;
}

/** Makes the class of a module by Nest's builder. What it is given is checked first, and secrets in it are hidden. */
export function createModuleClass<Options extends object, Extras extends object, Factory extends object>({
  module,
  core,
  optionsToken,
  factoryMethod,
  extras,
  addExtras,
}: ModuleParts<Extras, Factory>): ConfigurableModule<Options, Extras, Factory> {
  const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<Options>({
    optionsInjectionToken: optionsToken,
    // Nest must not take two modules for one with `moduleIdGeneratorAlgorithm: 'deep-hash'`: it can't see their options.
    alwaysTransient: true,
  })
    .setClassMethodName('forRoot')
    .setFactoryMethodName(factoryMethod)
    .setExtras<object>(extras, (definition, given) =>
      addExtras(
        { ...definition, module: core, providers: hideOptions(definition.providers, optionsToken) },
        given as Extras,
      ),
    )
    .build();

  @Module({ imports: [failBareImport(module)] })
  class ModuleClass extends ConfigurableModuleClass {
    static override forRoot(options = {} as Options): DynamicModule {
      return super.forRoot(requireOptions(`${module}.forRoot()`, options));
    }

    static override forRootAsync(
      options: ConfigurableModuleAsyncOptions<Options, keyof Factory & string>,
    ): DynamicModule {
      return super.forRootAsync(requireOptions(`${module}.forRootAsync()`, options, true));
    }
  }
  return ModuleClass;
}

/**
 * An import that fails the boot if a module is imported without `forRoot()`. Nest resolves it before it makes
 * providers, so the boot fails with this error and not with that of a missing provider.
 */
function failBareImport(module: string): ForwardReference {
  return forwardRef(() => {
    throw new RtcConfigError([
      {
        option: `${module}.forRoot()`,
        message:
          `was not called: a module imports ${module} as it is. Import ${module}.forRoot(…) or ` +
          `${module}.forRootAsync(…); what another module has registered is used by importing that module, or by ` +
          'setting isGlobal: true there',
      },
    ]);
  });
}

/**
 * Requires an options object, and for async ones a way to make them. Nest's own error would only say that it could not
 * read a property.
 * @param method the called method, as the error names it
 */
function requireOptions<T extends object>(method: string, options: T, isAsync = false): T {
  const isObject = typeof options === 'object' && (options as T | null) !== null;
  const { useFactory, useClass, useExisting }: Partial<ConfigurableModuleAsyncOptions<T>> = isObject
    ? options
    : {};
  if (isObject && (!isAsync || (useFactory ?? useClass ?? useExisting))) return options;
  const wanted = isAsync ? 'useFactory, useClass or useExisting' : `an object, got ${typeName(options)}`;
  throw new RtcConfigError([{ option: method, message: `must be given ${wanted}` }]);
}
