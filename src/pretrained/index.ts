/** The pretrained floor: models in Hugging Face layout, read into ours and written from it. */
export * from "./configJson.ts";
export * from "./exportModel.ts";
export * from "./families.ts";
export * from "./family.ts";
export * from "./jsonFields.ts";
export * from "./loadModel.ts";
export * from "./modelFolder.ts";
export * from "./pretrainedModel.ts";
export * from "./processing.ts";
export * from "./series/index.ts";
export * from "./shardIndex.ts";
export * from "./tensorFiles.ts";
