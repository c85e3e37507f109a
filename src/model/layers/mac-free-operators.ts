/**
 * Operators that multiply no matrices: they move data, work element by element, reduce, normalise, compare or hold a
 * graph. By the habit of published tables they count as none, and are no gap in the count. What is in neither list is
 * uncounted.
 */
const ONNX = `
Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Bernoulli BitCast BitShift BitwiseAnd
BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike Ceil Celu CenterCropPad Clip Compress Concat
ConcatFromSequence Constant ConstantOfShape Cos Cosh CumProd CumSum DepthToSpace DequantizeLinear Div Dropout
DynamicQuantizeLinear Elu Equal Erf Exp Expand EyeLike Flatten Floor Gather GatherElements GatherND Gelu
GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HammingWindow
HannWindow HardSigmoid HardSwish Hardmax Identity If ImageDecoder InstanceNormalization IsInf IsNaN LRN
LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax Loop LpNormalization LpPool Max MaxPool MaxRoiPool
MaxUnpool Mean MeanVarianceNormalization Min Mish Mod Mul Multinomial Neg NegativeLogLikelihoodLoss
NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement OptionalHasElement Or PRelu Pad Pow QuantizeLinear
RMSNormalization RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2
ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu
Reshape Resize ReverseSequence RoiAlign RotaryEmbedding Round Scan Scatter ScatterElements ScatterND Selu SequenceAt
SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap Shape Shrink Sigmoid Sign Sin Sinh
Size Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze
StringConcat StringNormalizer StringSplit Sub Sum Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK
Transpose Trilu Unique Unsqueeze Upsample Where Xor
`;

const ML = `
ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder Normalizer
OneHotEncoder Scaler TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor ZipMap
`;

const MICROSOFT = `
BiasAdd BiasDropout BiasGelu BiasSoftmax BiasSplitGelu CropAndResize DequantizeLinear
EmbedLayerNormalization ExpandDims FastGelu GatherBlockQuantized GatherND Gelu GridSample GroupNorm
MulSoftmax NGramRepeatBlock Pad QEmbedLayerNormalization QLinearAdd QLinearAveragePool QLinearConcat
QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearReduceMean QLinearSigmoid QLinearSoftmax QLinearWhere
QuantizeLinear QuickGelu Range ReduceSumInteger RemovePadding RestorePadding RotaryEmbedding 
SimplifiedLayerNormalization SkipGroupNorm SkipLayerNormalization SkipSimplifiedLayerNormalization Tokenizer
TorchEmbedding Transpose Trilu UnfoldTensor Unique
`;

const prefixed = (domain: string, names: string): readonly string[] =>
  names
    .trim()
    .split(/\s+/)
    .map(name => `${domain}:${name}`);

/** As `domain:Operator`, with ONNX's own domain written out. */
export const MAC_FREE_OPERATORS: ReadonlySet<string> = new Set([
  ...prefixed('ai.onnx', ONNX),
  ...prefixed('ai.onnx.ml', ML),
  ...prefixed('com.microsoft', MICROSOFT),
  // Layer normalisation and activations that the runtime's own fusions put into ONNX's domain.
  ...prefixed('ai.onnx', 'SimplifiedLayerNormalization MemcpyFromHost MemcpyToHost'),
  // Changes of layout that the runtime puts around its blocked convolutions.
  ...prefixed(
    'com.microsoft.nchwc',
    'ReorderInput ReorderOutput MaxPool AveragePool GlobalMaxPool GlobalAveragePool Upsample',
  ),
]);
